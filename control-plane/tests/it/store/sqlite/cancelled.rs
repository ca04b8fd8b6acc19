//! Callers that go away in mid-call: a browser that closes a tab drops the call that it caused.

use std::task::{Context, Waker};

/// Has a call begin, and drops it.
fn begin_and_drop<T>(call: impl Future<Output = T>) {
    let mut call = Box::pin(call);
    let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_dropped_leave_the_others_their_connections() {
    let world = super::fresh().await;
    let user = world.user().await;
    for _ in 0..200 {
        for _ in 0..3 {
            begin_and_drop(world.store().user(user));
        }
        world.store().user(user).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_dropped_is_done_all_the_same_and_before_the_next() {
    let world = super::fresh().await;
    for n in 0..50 {
        let name = format!("secret {n}");
        begin_and_drop(world.store().create_secret(&name, b"first"));
        assert_eq!(world.store().create_secret(&name, b"second").await.unwrap(), b"first");
    }
}
