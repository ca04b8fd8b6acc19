//! What the REST API says of people: how they sign in, their profile, their sessions, and what operators see of them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

use crate::api::{Me, Role};
use crate::bounded::bounded_string;
use crate::{Millis, UserId};

bounded_string!(
    /// What to call a person.
    PersonName,
    200
);
bounded_string!(
    /// A few words of a person about themselves.
    Words,
    2000
);

/// A language of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// Korean.
    Ko,
}

/// What somebody wants to use it for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Writing programs.
    Code,
    /// Working on data.
    Data,
    /// Writing and reading documents.
    Documents,
    /// Work that comes again and again.
    Automation,
    /// Looking around first.
    Explore,
}

/// The answers of somebody who is here for the first time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Onboarding {
    /// What to call them.
    pub name: PersonName,
    /// Which language they chose.
    pub language: Language,
    /// What they want to use it for; perhaps nothing that they say.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// In their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub note: Option<Words>,
}

/// Whoever is signed in, as they see themselves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// Who.
    #[serde(flatten)]
    pub me: Me,
    /// Their e-mail address, as the identity provider last said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    /// The language that they chose, as a browser names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// Whether they have been asked who they are and what they want; or need not be.
    pub onboarded: bool,
}

/// How one can sign in here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInOptions {
    /// By a one-time link printed where the control plane was started.
    pub local: bool,
    /// At an identity provider, which people know by this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<String>,
}

/// A request to sign in with the one-time code printed at start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LocalSignIn {
    /// The code.
    pub code: String,
}

/// A request to begin a sign-in at the identity provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartSignIn {
    /// Which of the page's own paths to come back to.
    pub to: String,
    /// Whoever is signed in at the identity provider is to say anew who they are: somebody else may be meant.
    #[serde(default)]
    #[ts(as = "Option<bool>", optional)]
    pub anew: bool,
}

/// Where to go on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInStarted {
    /// The identity provider's address, for this browser and this attempt alone.
    pub url: String,
}

/// What an ID token must carry that this browser is to be let in by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInNonce {
    /// The nonce.
    pub nonce: String,
}

/// A request to sign in by an ID token that the browser got from the identity provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CredentialSignIn {
    /// The ID token.
    pub credential: String,
}

/// Why somebody came back from the identity provider and is not signed in. It is in the address's fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignInRefusal {
    /// The attempt is not one of this browser's, was used before, or is too old.
    Stale,
    /// They, or the provider, did not agree.
    Denied,
    /// Whom the provider names is not let in here.
    NotAllowed,
    /// The provider has not verified their e-mail address.
    Unverified,
    /// An operator keeps them out.
    Disabled,
    /// They are being erased.
    Erasing,
    /// The provider's word can't be trusted.
    Invalid,
    /// The provider, or the store, can't be asked.
    Unavailable,
    /// Too many attempts came from there.
    TooMany,
}

/// One of a person's own sessions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Its name in this list.
    pub id: Uuid,
    /// What the browser called itself.
    pub device: String,
    /// When they signed in.
    pub created_at: Millis,
    /// When it was last used, to the minute.
    pub used_at: Millis,
    /// When it ends at the latest.
    pub expires_at: Millis,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A person, as operators see them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    /// Their id.
    pub id: UserId,
    /// What to call them.
    pub name: String,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Whether they are kept out.
    pub disabled: bool,
    /// Whether they are being erased.
    #[serde(default)]
    pub erasing: bool,
    /// When they first signed in.
    pub created_at: Millis,
    /// When they last signed in.
    pub signed_in_at: Millis,
}

/// A page of people, by id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserPage {
    /// The people.
    pub users: Vec<UserView>,
    /// Give this as `after` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<UserId>,
}

/// A request to change what a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetRole {
    /// What they may do from now on.
    pub role: Role,
}
