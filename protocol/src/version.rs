//! Protocol versions and how two sides agree on one: the WebSocket subprotocol names it, the server picks.

/// A version of the link and viewer protocols. Ordered: later is newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// The first.
    V1,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: &'static [Self] = &[Self::V1];

    /// The newest version.
    pub const LATEST: Self = Self::V1;

    /// Its name in `Sec-WebSocket-Protocol`.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::V1 => "atelier.v1",
        }
    }

    /// The newest version that both sides know, given the peer's `Sec-WebSocket-Protocol` header.
    pub fn negotiate(offered: &str) -> Option<Self> {
        let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
        Self::ALL.iter().rev().copied().find(|version| offered.contains(&version.subprotocol()))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn the_list_is_complete_and_ordered() {
        // A new variant must be added to `ALL`; this match stops compiling when one is forgotten here.
        let count = |version| match version {
            Version::V1 => 1,
        };
        assert_eq!(Version::ALL.len(), count(Version::LATEST));
        assert!(Version::ALL.is_sorted());
        assert_eq!(Version::ALL.last(), Some(&Version::LATEST));
    }

    #[test]
    fn the_newest_common_version_is_taken() {
        assert_eq!(Version::negotiate("atelier.v9, atelier.v1"), Some(Version::V1));
        assert_eq!(Version::negotiate("atelier.v9"), None);
        assert_eq!(Version::negotiate(""), None);
    }
}
