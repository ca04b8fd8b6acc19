//! Claude's own task list, put together from the calls that change it. Pure.

use protocol::event::{Task, TaskStatus};
use protocol::payload::short;
use serde_json::Value;

/// Tasks of one list. Further ones are not kept.
const MAX_TASKS: usize = 100;
/// How long a task's title may be, in bytes.
const TITLE_BYTES: usize = 300;

/// The list as it stands.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Vec<Task>);

impl Tasks {
    /// Takes a list that the log has already.
    pub fn replace(&mut self, tasks: &[Task]) {
        self.0 = tasks.to_vec();
    }

    /// The list.
    pub fn list(&self) -> &[Task] {
        &self.0
    }

    /// Takes the account of one tool call. Returns the whole list if that changed it.
    pub fn apply(&mut self, details: &Value) -> Option<Vec<Task>> {
        let before = self.0.clone();
        if let Some(list) = details.get("tasks").or_else(|| details.get("newTodos")).and_then(Value::as_array)
        {
            self.0 = list.iter().zip(1..).map(|(task, n)| read(task, n)).take(MAX_TASKS).collect();
        } else if let Some(task) = details.get("task").filter(|task| task.get("subject").is_some()) {
            if self.0.len() < MAX_TASKS {
                self.0.push(read(task, self.0.len() + 1));
            }
        } else if let Some(id) = details.get("taskId").and_then(Value::as_str) {
            self.update(id, details.get("statusChange").and_then(|change| change.get("to")));
        }
        (self.0 != before).then(|| self.0.clone())
    }

    fn update(&mut self, id: &str, status: Option<&Value>) {
        match status.and_then(Value::as_str) {
            Some("deleted") => self.0.retain(|task| task.id != id),
            Some(name) => {
                if let Some(task) = self.0.iter_mut().find(|task| task.id == id) {
                    task.status = read_status(name);
                }
            }
            None => {}
        }
    }
}

fn read(task: &Value, n: usize) -> Task {
    let string = |key: &str| task.get(key).and_then(Value::as_str);
    Task {
        id: string("id").map_or_else(|| n.to_string(), |id| short(id, 32)),
        title: short(string("subject").or_else(|| string("content")).unwrap_or_default(), TITLE_BYTES),
        status: read_status(string("status").unwrap_or_default()),
    }
}

fn read_status(name: &str) -> TaskStatus {
    match name {
        "completed" => TaskStatus::Completed,
        "in_progress" => TaskStatus::InProgress,
        _ => TaskStatus::Pending,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_grows_changes_and_shrinks() {
        let mut tasks = Tasks::default();
        let created = tasks.apply(&json!({ "task": { "id": "1", "subject": "Look" } })).unwrap();
        assert_eq!((created.len(), created[0].status), (1, TaskStatus::Pending));
        let change = json!({ "taskId": "1", "statusChange": { "from": "pending", "to": "in_progress" } });
        assert_eq!(tasks.apply(&change).unwrap()[0].status, TaskStatus::InProgress);
        assert_eq!(tasks.apply(&change), None);
        assert_eq!(tasks.apply(&json!({ "stdout": "" })), None);
        let gone = json!({ "taskId": "1", "statusChange": { "to": "deleted" } });
        assert_eq!(tasks.apply(&gone), Some(vec![]));
        let todos = json!({ "newTodos": [{ "content": "A", "status": "completed" }] });
        assert_eq!(tasks.apply(&todos).unwrap()[0].title, "A");
    }
}
