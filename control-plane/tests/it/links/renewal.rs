//! The next certificate, for the one before.

use control_plane::links::Link;
use control_plane::links::admission::{self, Denied};
use control_plane::store::records::Certificates;
use protocol::WorkspaceId;
use protocol::close::CloseCode;
use rcgen::KeyPair;
use time::Duration;

use super::agent::{self, Agent, request, token};
use super::forged::Ca;
use super::meddler::Meddler;
use crate::plane::Plane;

/// Has the control plane take an agent's certificate for the one in use.
async fn record(plane: &Plane, workspace: WorkspaceId, agent: &Agent) {
    let before = plane.store().workspace(workspace).await.unwrap().certificates;
    let now = Certificates { current: Some(agent.peer().serial), next: None, revoked: false };
    plane.store().set_certificates(workspace, &before, &now).await.unwrap();
}

/// A certificate of the control plane's CA that ended that long ago, and is the recorded one.
async fn lapsed(plane: &Plane, workspace: WorkspaceId, ago: Duration) -> Agent {
    let life = (-ago - Duration::hours(24), -ago);
    let agent = Ca::own(plane).await.issue(workspace, life, &[0x7A, 1, 2, 3]);
    record(plane, workspace, &agent).await;
    agent
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_are_both_good_until_the_new_one_is_used() {
    let plane = Plane::start().await;
    let old = Agent::enrol(&plane, plane.workspace().await.id).await;
    let new = old.renew(&plane).await.unwrap().ok().unwrap();
    assert_eq!(new.peer().workspace, old.peer().workspace);
    assert_ne!(new.certificate(), old.certificate());
    assert_eq!(old.dial(&plane).await.unwrap(), 101);
    assert_eq!(new.dial(&plane).await.unwrap(), 101);
    assert_eq!(old.dial(&plane).await.unwrap(), 403);
    assert_eq!(old.renew(&plane).await.unwrap().err().unwrap().0, 403);
    assert_eq!(new.dial(&plane).await.unwrap(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_can_be_asked_for_again() {
    let plane = Plane::start().await;
    let old = Agent::enrol(&plane, plane.workspace().await.id).await;
    let lost = old.renew(&plane).await.unwrap().ok().unwrap();
    let new = old.renew(&plane).await.unwrap().ok().unwrap();
    assert_eq!(lost.dial(&plane).await.unwrap(), 403);
    assert_eq!(new.dial(&plane).await.unwrap(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_one_renews_in_turn_even_before_it_is_used() {
    let plane = Plane::start().await;
    let first = Agent::enrol(&plane, plane.workspace().await.id).await;
    let second = first.renew(&plane).await.unwrap().ok().unwrap();
    let third = second.renew(&plane).await.unwrap().ok().unwrap();
    assert_eq!(first.dial(&plane).await.unwrap(), 403);
    assert_eq!(second.dial(&plane).await.unwrap(), 101);
    assert_eq!(third.dial(&plane).await.unwrap(), 101);
    assert_eq!(second.dial(&plane).await.unwrap(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_one_renews_for_a_month_and_does_nothing_else() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    for ago in [Duration::minutes(1), Duration::days(29)] {
        let agent = lapsed(&plane, workspace, ago).await;
        assert_eq!(agent.dial(&plane).await.unwrap(), 403, "{ago}");
        let fresh = agent.renew(&plane).await.unwrap().ok().unwrap();
        assert_eq!(fresh.dial(&plane).await.unwrap(), 101, "{ago}");
    }
    let agent = lapsed(&plane, workspace, Duration::days(31)).await;
    let (status, words) = agent.renew(&plane).await.unwrap().err().unwrap();
    assert_eq!((status, words.contains("lapsed")), (403, true), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_one_that_was_replaced_does_not_renew() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let old = lapsed(&plane, workspace, Duration::days(1)).await;
    let current = Agent::enrol(&plane, workspace).await;
    assert_eq!(old.renew(&plane).await.unwrap().err().unwrap().0, 403);
    assert_eq!(current.dial(&plane).await.unwrap(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_workspace_gets_neither_in_nor_a_certificate() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let agent = Agent::enrol(&plane, workspace).await;
    let before = plane.store().workspace(workspace).await.unwrap().certificates;
    let (link, inbox) = Link::new(1);
    plane.app().links.insert(workspace, link);
    plane.app().workspaces.revoke(workspace).await.unwrap();
    // Its link ends at once.
    assert_eq!(inbox.split().1.closed().await, CloseCode::Revoked);
    let revoked = Certificates { revoked: true, ..before };
    assert_eq!(agent.dial(&plane).await.unwrap(), 403);
    assert_eq!(agent.renew(&plane).await.unwrap().err().unwrap().0, 403);
    // Not by starting over, either.
    let key = KeyPair::generate().unwrap();
    let enrolled = agent::enrol(&plane, &token(&plane, workspace).await, &request(&key)).await;
    assert_eq!(enrolled.0, 403, "{}", enrolled.1);
    assert_eq!(plane.store().workspace(workspace).await.unwrap().certificates, revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_workspace_gets_neither_in_nor_a_certificate() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let agent = Agent::enrol(&plane, workspace).await;
    plane.store().delete_workspace(workspace).await.unwrap();
    assert_eq!(agent.dial(&plane).await.unwrap(), 403);
    assert_eq!(agent.renew(&plane).await.unwrap().err().unwrap().0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_the_recorded_one_lets_nobody_in() {
    let plane = Plane::start().await;
    let (mine, theirs) = (plane.workspace().await.id, plane.workspace().await.id);
    let ca = Ca::own(&plane).await;
    let life = (Duration::hours(-1), Duration::hours(1));
    let good = ca.issue(mine, life, &[0x11]);
    record(&plane, mine, &good).await;
    assert_eq!(good.dial(&plane).await.unwrap(), 101);
    // The right number for another workspace, and another number for the right workspace.
    for (workspace, serial) in [(theirs, 0x11), (mine, 0x12)] {
        assert_eq!(ca.issue(workspace, life, &[serial]).dial(&plane).await.unwrap(), 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_during_the_first_use_is_not_missed() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let old = Agent::enrol(&plane, workspace).await;
    let new = old.renew(&plane).await.unwrap().ok().unwrap();
    let before = plane.store().workspace(workspace).await.unwrap().certificates;
    let revoked = Certificates { revoked: true, ..before.clone() };
    let store = Meddler::new(plane.app().store.clone(), workspace, before.clone(), revoked.clone());
    let admitted = admission::admit(&store, Some(&new.peer())).await;
    assert!(matches!(admitted, Err(Denied::Revoked)), "{admitted:?}");
    assert_eq!(plane.store().workspace(workspace).await.unwrap().certificates, revoked);
    // Another connection of the same workspace-agent that is quicker is no reason to refuse this one.
    plane.store().set_certificates(workspace, &revoked, &before).await.unwrap();
    let promoted = Certificates { current: Some(new.peer().serial), next: None, revoked: false };
    let store = Meddler::new(plane.app().store.clone(), workspace, before, promoted.clone());
    let admitted = admission::admit(&store, Some(&new.peer())).await.unwrap();
    assert_eq!(admitted.certificates, promoted);
}
