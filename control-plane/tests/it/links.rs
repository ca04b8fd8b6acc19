//! The link port over real TLS: who gets a certificate, and whom a certificate lets in.

mod agent;
mod enrolment;
mod forged;
mod meddler;
mod renewal;
mod tls;
