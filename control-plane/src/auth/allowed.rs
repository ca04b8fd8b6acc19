//! Who is let in of those whom the identity provider knows: whole domains, single e-mail addresses, the first operators.
//!
//! Everything is compared whole and in one spelling: domains in the form that DNS knows (`bücher.example` is
//! `xn--bcher-kva.example`), letters small. `exploitcorp.com` is not `corp.com`, and neither is `corp.com.evil.example`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, ensure};
use protocol::api::Role;

/// The longest e-mail address (RFC 5321, 4.5.3.1.3, without the brackets).
const LONGEST: usize = 254;

/// A domain, in the one spelling in which it is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Domain(String);

impl FromStr for Domain {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let ascii = idna::domain_to_ascii_strict(text.trim()).ok().context("this is no domain")?;
        ensure!(ascii.contains('.') && !ascii.ends_with('.'), "this is no whole domain");
        ensure!(!ascii.contains('*'), "domains are compared whole; a pattern is none");
        Ok(Self(ascii))
    }
}

/// An e-mail address, in the one spelling in which it is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Email {
    local: String,
    domain: Domain,
}

impl FromStr for Email {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        ensure!(text.len() <= LONGEST, "this is too long for an e-mail address");
        let (local, domain) = text.split_once('@').context("this is no e-mail address")?;
        let plain =
            |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '@' | '"' | '<' | '>' | ',');
        ensure!(!local.is_empty() && local.chars().all(plain), "this is no e-mail address");
        // A second @ would be in the domain, which can't have one.
        Ok(Self { local: local.to_lowercase(), domain: domain.parse()? })
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain.0)
    }
}

/// Whom the identity provider names: what it has verified of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// Their e-mail address, which the provider has verified.
    pub email: Email,
    /// The organisation whose account it is, if the provider says so and can be believed in it.
    pub hosted: Option<Domain>,
}

/// Who is let in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed {
    /// Everyone whom the provider knows.
    pub anyone: bool,
    /// Those of these domains.
    pub domains: BTreeSet<Domain>,
    /// Those with these addresses.
    pub emails: BTreeSet<Email>,
    /// Those with these addresses, as operators.
    pub operators: BTreeSet<Email>,
}

impl Allowed {
    /// What somebody may do here by configuration; `None`: they are not let in.
    pub fn role(&self, named: &Named) -> Option<Role> {
        let of_domain = self.domains.contains(&named.email.domain)
            || named.hosted.as_ref().is_some_and(|hosted| self.domains.contains(hosted));
        if self.operators.contains(&named.email) {
            Some(Role::Operator)
        } else if self.anyone || of_domain || self.emails.contains(&named.email) {
            Some(Role::User)
        } else {
            None
        }
    }

    /// Whether nobody at all would be let in.
    pub fn is_nobody(&self) -> bool {
        !self.anyone && self.domains.is_empty() && self.emails.is_empty() && self.operators.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(email: &str, hosted: Option<&str>) -> Named {
        Named { email: email.parse().unwrap(), hosted: hosted.map(|domain| domain.parse().unwrap()) }
    }

    fn corp() -> Allowed {
        Allowed {
            domains: ["corp.com".parse().unwrap(), "Bücher.example".parse().unwrap()].into(),
            emails: ["Guest@Partner.example".parse().unwrap()].into(),
            operators: ["ada@corp.com".parse().unwrap()].into(),
            anyone: false,
        }
    }

    #[test]
    fn whole_domains_are_let_in_however_they_are_spelled() {
        for email in ["eve@corp.com", "Eve@CORP.com", "eve@xn--bcher-kva.example", "eve@BÜCHER.example"] {
            assert_eq!(corp().role(&named(email, None)), Some(Role::User), "{email}");
        }
        assert_eq!(corp().role(&named("eve@gmail.example", Some("Corp.com"))), Some(Role::User));
        assert_eq!(corp().role(&named("guest@partner.example", None)), Some(Role::User));
        assert_eq!(corp().role(&named("ADA@corp.com", None)), Some(Role::Operator));
    }

    #[test]
    fn whatever_only_looks_like_an_allowed_domain_is_not_let_in() {
        let others = [
            "eve@exploitcorp.com",
            "eve@corp.com.evil.example",
            "eve@sub.corp.com",
            "eve@corp.co",
            "eve@cоrp.com", // A Cyrillic о.
            "corp.com@evil.example",
            "other@partner.example",
            "guest@partner.example.evil.example",
        ];
        for email in others {
            assert_eq!(corp().role(&named(email, None)), None, "{email}");
        }
        assert_eq!(corp().role(&named("eve@evil.example", Some("exploitcorp.com"))), None);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "@corp.com",
            "eve@",
            "eve",
            "eve@evil.example@corp.com",
            "\"a b\"@corp.com",
            "eve@*.com",
            "eve@corp",
            "eve@corp.com.",
            "e ve@corp.com",
            "eve@cor p.com",
            "<eve@corp.com>",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
        assert!(format!("{}@corp.com", "a".repeat(300)).parse::<Email>().is_err());
        for text in ["*.corp.com", "corp", "", "corp.com/", "corp..com", "@corp.com"] {
            assert!(text.parse::<Domain>().is_err(), "{text}");
        }
    }

    #[test]
    fn where_nothing_is_configured_nobody_is_let_in() {
        assert!(Allowed::default().is_nobody());
        assert_eq!(Allowed::default().role(&named("eve@corp.com", Some("corp.com"))), None);
        let open = Allowed { anyone: true, ..Allowed::default() };
        assert_eq!(open.role(&named("eve@corp.com", None)), Some(Role::User));
    }
}
