//! Counted faults: `DROPx2` happens twice and is then over.
//!
//! The counters are keyed by the directive line and the whole prompt, so that tests which run side by side do not
//! disturb one another as long as their prompts differ.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::directive::Part;

/// How often each counted line of each prompt was due.
#[derive(Default)]
pub(crate) struct Counters {
    times: Mutex<HashMap<(String, String), u32>>,
}

impl Counters {
    /// The parts that befall this request: counted faults that are spent give way to the text `recovered`.
    pub(crate) fn settle(&self, line: &str, prompt: &str, parts: Vec<Part>) -> Vec<Part> {
        let Some(limit) = parts.iter().filter_map(Part::limit).max() else { return parts };
        if self.count(line, prompt) <= limit {
            return parts;
        }
        let recovered =
            |part: Part| if part.limit().is_some() { Part::Text("recovered".into()) } else { part };
        parts.into_iter().map(recovered).collect()
    }

    fn count(&self, line: &str, prompt: &str) -> u32 {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = times.entry((line.to_owned(), prompt.to_owned())).or_default();
        *times += 1;
        *times
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;
    use crate::directive::{Part, parts};

    #[test]
    fn a_fault_happens_as_often_as_counted() {
        let counters = Counters::default();
        let settle = || counters.settle("DROPx2", "DROPx2", parts("DROPx2"));
        let dropped = [Part::Drop { limit: Some(2) }];
        assert_eq!(settle(), dropped);
        assert_eq!(settle(), dropped);
        assert_eq!(settle(), [Part::Text("recovered".into())]);
        assert_eq!(settle(), [Part::Text("recovered".into())]);
    }

    #[test]
    fn prompts_and_lines_are_counted_apart() {
        let counters = Counters::default();
        let settle = |line, prompt| counters.settle(line, prompt, parts(line)) == parts(line);
        assert!(settle("ERR529x1", "ERR529x1\ntest one"));
        assert!(settle("ERR529x1", "ERR529x1\ntest two"));
        assert!(settle("ERR500x1", "ERR529x1\ntest one"));
        assert!(!settle("ERR529x1", "ERR529x1\ntest one"));
    }

    #[test]
    fn other_parts_of_the_message_stay() {
        let counters = Counters::default();
        let line = "TOOL:Bash ls ||| DROPx0";
        assert_eq!(
            counters.settle(line, line, parts(line)),
            [parts("TOOL:Bash ls").remove(0), Part::Text("recovered".into())]
        );
    }

    #[test]
    fn an_uncounted_fault_never_ends() {
        let counters = Counters::default();
        for _ in 0..3 {
            assert_eq!(counters.settle("ERR500", "p", parts("ERR500")), parts("ERR500"));
        }
    }
}
