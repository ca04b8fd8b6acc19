//! The workspace-agent's decisions, held against the CLI as it was recorded and against every way to die.

mod deaths;
mod desk;
mod journal;
mod messages;
mod prompts;
mod transcripts;
