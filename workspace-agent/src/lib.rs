//! stub
pub mod claude;
pub mod conversation;
