//! The CA: created once, sealed, and of no use to whoever lacks the key.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_plane::pki::Authority;
use control_plane::seal::Seal;
use proptest::prelude::*;

use crate::store::sqlite;

fn seal(key: u8) -> Seal {
    Seal::from_base64(&STANDARD.encode([key; 32])).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_start_at_once_share_one_ca() {
    let world = sqlite::fresh().await;
    let loaded = world.at_once(20, |store, _| async move {
        let authority = Authority::load(&*store, &seal(1)).await.unwrap();
        (authority.digest().to_string(), authority.trust().to_owned())
    });
    let loaded: HashSet<_> = loaded.await.into_iter().collect();
    assert_eq!(loaded.len(), 1);
    let later = Authority::load(world.other(), &seal(1)).await.unwrap();
    assert!(loaded.contains(&(later.digest().to_string(), later.trust().to_owned())));
}

#[tokio::test]
async fn another_sealing_key_is_said_and_makes_no_second_ca() {
    let world = sqlite::fresh().await;
    let first = Authority::load(world.store(), &seal(1)).await.unwrap();
    let error = format!("{:#}", Authority::load(world.store(), &seal(2)).await.unwrap_err());
    assert!(error.contains("sealed with another key"), "{error}");
    let again = Authority::load(world.other(), &seal(1)).await.unwrap();
    assert_eq!(again.trust(), first.trust());
}

#[tokio::test]
async fn the_store_never_sees_the_cas_key() {
    let world = sqlite::fresh().await;
    let authority = Authority::load(world.store(), &seal(1)).await.unwrap();
    let kept = world.store().secret("ca").await.unwrap().unwrap();
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(&kept, "PRIVATE KEY") && !holds(&kept, "CERTIFICATE"));
    assert!(holds(&seal(1).open("ca", &kept).unwrap(), "PRIVATE KEY"));
    assert!(!format!("{authority:?}").contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_ca_that_was_meddled_with_is_refused() {
    let sealed_elsewhere = seal(1).seal("another name", b"{}").unwrap();
    let nonsense = seal(1).seal("ca", b"{\"certificate\":\"\",\"key\":\"\"}").unwrap();
    for kept in [vec![], vec![0; 23], vec![0; 100], sealed_elsewhere, nonsense] {
        let world = sqlite::fresh().await;
        world.store().create_secret("ca", &kept).await.unwrap();
        assert!(Authority::load(world.store(), &seal(1)).await.is_err());
        assert_eq!(world.store().secret("ca").await.unwrap(), Some(kept));
    }
}

#[test]
fn a_sealing_key_has_thirty_two_bytes_in_base64() {
    for wrong in ["", "no base64!", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
        assert!(Seal::from_base64(wrong).is_err(), "{wrong}");
    }
    assert!(Seal::from_base64(&format!("  {}\n", STANDARD.encode([1; 32]))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_comes_back_whole_and_never_twice_the_same(
        name in ".{0,20}",
        secret in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (one, two) = (seal(1).seal(&name, &secret).unwrap(), seal(1).seal(&name, &secret).unwrap());
        prop_assert_ne!(&one, &two);
        prop_assert_eq!(seal(1).open(&name, &one).unwrap().to_vec(), secret);
        prop_assert!(seal(2).open(&name, &one).is_err());
        let other_name = format!("{name}x");
        prop_assert!(seal(1).open(&other_name, &one).is_err());
    }

    #[test]
    fn one_changed_bit_or_a_missing_end_is_noticed(
        secret in prop::collection::vec(any::<u8>(), 0..100),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let sealed = seal(1).seal("ca", &secret).unwrap();
        let mut changed = sealed.clone();
        changed[at.index(sealed.len())] ^= 1 << bit;
        prop_assert!(seal(1).open("ca", &changed).is_err());
        prop_assert!(seal(1).open("ca", &sealed[..at.index(sealed.len())]).is_err());
    }
}
