//! The browser's types are generated from the Rust types and are current.
//!
//! `ATELIER_BLESS=1 cargo test -p protocol typescript` writes them anew.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use protocol::close::CloseCode;
use protocol::{api, fleet, people, viewer};
use ts_rs::{Config, TS, TypeVisitor};

struct Collect<'a> {
    config: &'a Config,
    seen: &'a mut HashSet<TypeId>,
    types: &'a mut BTreeMap<String, String>,
}

impl TypeVisitor for Collect<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            self.types.insert(T::ident(self.config), format!("{docs}export {}\n", T::decl(self.config)));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

fn generate() -> String {
    let config = Config::new().with_large_int("number");
    let (mut seen, mut types) = (HashSet::new(), BTreeMap::new());
    let mut collect = Collect { config: &config, seen: &mut seen, types: &mut types };
    collect.visit::<viewer::Request>();
    collect.visit::<viewer::FromServer<'static>>();
    collect.visit::<fleet::FleetRequest>();
    collect.visit::<fleet::ToOperator>();
    collect.visit::<api::ApiError>();
    collect.visit::<api::audit::AuditRows>();
    collect.visit::<api::model_key::ModelKeyView>();
    collect.visit::<api::model_key::SetModelKey>();
    collect.visit::<api::grants::GrantReading>();
    collect.visit::<api::grants::GrantList>();
    collect.visit::<api::tokens::CreateToken>();
    collect.visit::<api::tokens::NewToken>();
    collect.visit::<api::tokens::TokenList>();
    collect.visit::<api::ConversationPage>();
    collect.visit::<api::CreateConversation>();
    collect.visit::<api::HistoryPage>();
    collect.visit::<api::Health>();
    collect.visit::<api::RenameConversation>();
    collect.visit::<people::CredentialSignIn>();
    collect.visit::<people::LocalSignIn>();
    collect.visit::<people::Onboarding>();
    collect.visit::<people::Profile>();
    collect.visit::<people::SessionView>();
    collect.visit::<people::SetRole>();
    collect.visit::<people::SignInNonce>();
    collect.visit::<people::SignInOptions>();
    collect.visit::<people::SignInRefusal>();
    collect.visit::<people::SignInStarted>();
    collect.visit::<people::StartSignIn>();
    collect.visit::<people::UserPage>();
    let types: Vec<String> = types.into_values().collect();
    format!(
        "// Generated from the Rust crate `protocol` by its test `typescript`. Not to be edited by hand.\n\n\
         {}\n{}\n{}",
        close_codes(),
        limits(),
        types.join("\n")
    )
}

fn close_codes() -> String {
    let codes: String = (4000..5000)
        .filter_map(CloseCode::from_number)
        .map(|code| format!("  {code:?}: {},\n", code.number()))
        .collect();
    format!("/** Why a socket was closed. */\nexport const CloseCode = {{\n{codes}}} as const;\n")
}

fn limits() -> String {
    format!(
        "{}\n/** The largest message a person may send, in bytes of UTF-8. */\nexport const MESSAGE_BYTES = {};\n\n\
         /** The largest answer to a prompt, in bytes of JSON. */\nexport const DECISION_BYTES = {};\n\n\
         /** The WebSocket subprotocol. */\nexport const SUBPROTOCOL = \"{}\";\n",
        terminal_limits(),
        protocol::limits::MESSAGE_BYTES,
        protocol::limits::DECISION_BYTES,
        protocol::version::Version::LATEST.subprotocol(),
    )
}

fn terminal_limits() -> String {
    use protocol::limits::*;
    let numbers = [
        ("TERMINALS", TERMINALS, "How many terminals a workspace may have."),
        ("CREDIT_BYTES", CREDIT_BYTES, "The most bytes that are under way to a viewer that acknowledges."),
        ("INPUT_BYTES", INPUT_BYTES, "The most bytes of one input frame."),
        ("INPUT_WINDOW_BYTES", INPUT_WINDOW_BYTES, "The most input that may be under way."),
        ("SCROLLBACK_LINES", SCROLLBACK_LINES, "How many lines above the screen a snapshot has at most."),
        ("MIN_COLS", usize::from(MIN_COLS), "The fewest columns."),
        ("MAX_COLS", usize::from(MAX_COLS), "The most columns."),
        ("MIN_ROWS", usize::from(MIN_ROWS), "The fewest rows."),
        ("MAX_ROWS", usize::from(MAX_ROWS), "The most rows."),
    ];
    let lines =
        numbers.map(|(name, value, words)| format!("/** {words} */\nexport const {name} = {value};\n"));
    lines.join("\n")
}

#[test]
fn the_browsers_types_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/lib/protocol/generated.ts");
    let generated = generate();
    if std::env::var_os("ATELIER_BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{} is not current: run ATELIER_BLESS=1 cargo test -p protocol typescript",
        path.display()
    );
}
