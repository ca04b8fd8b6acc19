//! What passes the model gateway: a request's body, and an answer as it flows by.

use control_plane::gateway::meter::Meter;
use control_plane::gateway::policy::Policy;
use serde_json::Value;

/// A request that may pass asks for a model that may be asked, whoever else reads it; and what an answer took is the same
/// however it comes in pieces.
///
/// # Panics
/// When it is not.
pub fn run(bytes: &[u8]) {
    let policy = Policy { models: vec!["claude-*".into(), "one".into()], ..Policy::default() };
    if let Ok(model) = policy.model_of("/v1/messages", bytes, true) {
        assert!(model.starts_with("claude-") || model == "one", "{model} may be asked");
        let read: Value = serde_json::from_slice(bytes).expect("what named a model is JSON");
        assert_eq!(read["model"], model, "others read another model");
    }
    let whole = count([bytes]);
    // Where it is cut is diced by what it says.
    let cut = bytes.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let (front, back) = bytes.split_at(cut % (bytes.len() + 1));
    assert_eq!(count([front, back]), whole, "cut after {} bytes it took something else", front.len());
}

fn count<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Option<control_plane::store::records::UsageRecord> {
    let mut meter = Meter::default();
    pieces.into_iter().for_each(|piece| meter.push(piece));
    meter.finish()
}
