//! Flags to configuration: every mistake is said, all at once, and no secret is ever shown.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_plane::gateway::access::Credential;

use crate::flags::{check, folder, parse};

/// The one mistake in these flags.
fn mistake(flags: &[&str]) -> String {
    let mistakes = check(folder().path(), flags).expect_err(&format!("{flags:?} pass"));
    assert_eq!(mistakes.len(), 1, "{flags:?}: {mistakes:?}");
    mistakes.into_iter().next().unwrap()
}

/// Asserts that these flags pass.
fn passes(flags: &[&str]) {
    let checked = check(folder().path(), flags);
    assert!(checked.is_ok(), "{flags:?}: {checked:?}");
}

#[test]
fn the_defaults_need_nothing_else() {
    let dir = folder();
    let config = check(dir.path(), &[]).unwrap();
    assert!(config.http.listen.ip().is_loopback());
    assert!(config.model.credential.is_none());
    assert_eq!(config.engine.memory, 1 << 30);
    let key = dir.path().join("data/sealing-key");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_mistake_is_told_at_once() {
    let wrong = [
        ("--listen", "everywhere"),
        ("--public-url", "atelier.example"),
        ("--sealing-key", "c2hvcnQ="),
        ("--old-sealing-key", "c2hvcnQ="),
        ("--firestore-project", "there-is-none"),
        ("--web", "/nowhere"),
        ("--upstream", "ftp://model"),
        ("--prices", "/nowhere/prices.json"),
        ("--budget-usd", "NaN"),
        ("--requests", "0"),
        ("--anthropic-key-file", "/nowhere/key"),
        ("--instance", "Too-Long"),
        ("--link-listen", "7443"),
        ("--link-address", "host"),
        ("--memory", "1"),
        ("--disk", "1k"),
        ("--cpus", "0"),
        ("--pids", "1"),
        ("--uids", "0-1"),
        ("--subnets", "8.8.8.0/24"),
        ("--reach", "10.0.0.0/40"),
        ("--dns", "name.example"),
        ("--idle-minutes", "0"),
        ("--terminal-idle-hours", "-1"),
        ("--max-processes", "0"),
    ];
    let flags: Vec<_> = wrong.iter().map(|(flag, value)| format!("{flag}={value}")).collect();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let mistakes = check(folder().path(), &flags).unwrap_err();
    for (flag, _) in wrong {
        let name = match flag {
            "--sealing-key" => "ATELIER_SEALING_KEY",
            "--old-sealing-key" => "ATELIER_OLD_SEALING_KEY",
            flag => flag,
        };
        let told = mistakes.iter().filter(|mistake| mistake.starts_with(&format!("{name}:"))).count();
        assert_eq!(told, 1, "{flag} in {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), wrong.len(), "{mistakes:#?}");
}

#[test]
fn browsers_are_listened_to_on_loopback_alone() {
    for address in ["127.0.0.1:8080", "[::1]:8080", "127.9.9.9:0"] {
        passes(&["--listen", address]);
    }
    for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "localhost:8080", "127.0.0.1"] {
        assert!(mistake(&["--listen", address]).starts_with("--listen: "));
    }
}

#[test]
fn the_public_address_is_what_browsers_send_as_their_origin() {
    for url in ["https://atelier.example", "http://127.0.0.1:9000", "https://atelier.example:8443"] {
        passes(&["--public-url", url, "--trusted-proxies", "127.0.0.1"]);
    }
    let wrong = [
        "atelier.example",
        "ftp://atelier.example",
        "https://atelier.example/",
        "https://atelier.example/path",
        "https://atelier.example?query",
        "https://atelier.example:443",
        "https://Atelier.example",
        "https://user@atelier.example",
        "http://atelier.example",
        "http://192.0.2.1:8080",
        "https://",
        "",
    ];
    for url in wrong {
        assert!(mistake(&["--public-url", url]).starts_with("--public-url: "), "{url}");
    }
}

#[test]
fn firestore_needs_a_project_and_the_embedded_store_has_none() {
    let dir = folder();
    let at = |flags: &[&str]| check(dir.path(), flags).unwrap().store.to_string();
    assert!(at(&[]).starts_with("sqlite:") && at(&["--store", "sqlite"]).ends_with("atelier.db"));
    let firestore = ["--store=firestore", "--firestore-project=my-project-1"];
    assert_eq!(at(&firestore), "firestore:my-project-1/(default)");
    assert_eq!(
        at(&[&firestore[..], &["--firestore-database=atelier"]].concat()),
        "firestore:my-project-1/atelier"
    );
    assert_eq!(mistake(&["--store=firestore"]), "--firestore-project: --store=firestore needs a project");
    for wrong in ["Project", "a/b", "a b", "프로젝트"] {
        let flag = format!("--firestore-project={wrong}");
        assert!(mistake(&["--store=firestore", &flag]).starts_with("--firestore-project: "), "{wrong}");
    }
    assert!(mistake(&[&firestore[..], &["--firestore-database=A"]].concat()).contains("no database id"));
    for only in ["--firestore-project=p", "--firestore-database=d"] {
        assert!(mistake(&[only]).contains("only --store=firestore has one"), "{only}");
    }
}

#[test]
fn a_budget_needs_prices_and_prices_must_make_sense() {
    let dir = folder();
    let file = dir.path().join("prices.json");
    let file_flag = file.display().to_string();
    let priced = |text: &str, flags: &[&str]| {
        std::fs::write(&file, text).unwrap();
        check(dir.path(), &[&["--prices", &file_flag], flags].concat())
    };
    let good = r#"[{"model":"claude-*","input":3,"output":15.5,"cache_read":0.3,"cache_write":3.75}]"#;
    let config = priced(good, &["--budget-usd", "12.5"]).unwrap();
    assert_eq!(config.model.policy.budget_micro_usd, Some(12_500_000));
    assert_eq!(config.model.policy.prices.len(), 1);
    assert!(priced(good, &[]).is_ok());
    assert_eq!(mistake(&["--budget-usd", "5"]), "--budget-usd: a budget needs --prices");
    let mistakes = priced(good, &["--budget-usd=-1"]).unwrap_err();
    assert_eq!(mistakes, ["--budget-usd: -1: not an amount of money"]);
    for wrong in [
        "",
        "{}",
        r#"[{"model":"m"}]"#,
        r#"[{"model":"m","input":1,"output":1,"cache_read":1,"cache_write":1,"extra":1}]"#,
        r#"[{"model":"m","input":-3,"output":15,"cache_read":0.3,"cache_write":3.75}]"#,
    ] {
        let mistakes = priced(wrong, &["--budget-usd", "5"]).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("--prices: "), "{wrong}: {mistakes:?}");
    }
}

#[test]
fn sizes_that_no_machine_has_are_mistakes() {
    assert!(mistake(&["--memory", "9999999999g"]).starts_with("--memory: "));
    assert!(mistake(&["--memory", "99999999999g"]).starts_with("--memory: "));
    assert!(mistake(&["--disk", "99999999999g"]).starts_with("--disk: "));
    assert!(mistake(&["--idle-minutes", "1e300"]).starts_with("--idle-minutes: "));
}

#[test]
fn a_key_is_never_shown() {
    let (key, sealing) = ("sk-ant-very-secret", STANDARD.encode([0x5A; 32]));
    let flags = ["--anthropic-key", key, "--sealing-key", &sealing];
    let dir = folder();
    let config = check(dir.path(), &flags).unwrap();
    let shown = [
        format!("{:?}", parse(dir.path(), &flags)),
        format!("{config:?} {config:#?}"),
        format!("{:?}", Credential::new(key).unwrap()),
    ];
    for text in shown {
        assert!(!text.contains("very-secret") && !text.contains(&sealing[..20]), "{text}");
    }
    let headers = {
        let mut headers = axum::http::HeaderMap::new();
        config.model.credential.unwrap().add_to(&mut headers);
        headers
    };
    assert_eq!(headers["x-api-key"], key);
    assert!(!format!("{headers:?}").contains(key));
}

#[test]
fn a_mistake_about_a_key_does_not_quote_it() {
    let wrong = mistake(&["--anthropic-key", "sk-ant-very\nsecret"]);
    assert!(wrong.starts_with("ATELIER_ANTHROPIC_KEY: ") && !wrong.contains("very"), "{wrong}");
    let wrong = mistake(&["--sealing-key", "dmVyeS1zZWNyZXQ="]);
    assert!(wrong.starts_with("ATELIER_SEALING_KEY: ") && !wrong.contains("dmVy"), "{wrong}");
}

#[test]
fn the_key_beside_the_data_is_found_and_a_given_one_goes_first() {
    let dir = folder();
    let key_of = |flags: &[&str]| {
        let mut headers = axum::http::HeaderMap::new();
        check(dir.path(), flags).unwrap().model.credential.unwrap().add_to(&mut headers);
        headers["x-api-key"].to_str().unwrap().to_owned()
    };
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/anthropic-key"), "beside\n").unwrap();
    assert_eq!(key_of(&[]), "beside");
    let file = dir.path().join("key");
    std::fs::write(&file, "  from-file\n").unwrap();
    let file = file.display().to_string();
    assert_eq!(key_of(&["--anthropic-key-file", &file]), "from-file");
    assert_eq!(key_of(&["--anthropic-key-file", &file, "--anthropic-key", "given"]), "given");
}

#[test]
fn what_is_no_number_is_told_with_everything_else() {
    let dir = folder();
    let flags = ["--pids=nonsense", "--memory=zzz", "--cpus=many", "--max-processes=0", "--requests=-1"];
    let mistakes = check(dir.path(), &flags).unwrap_err();
    let told: Vec<&str> = mistakes.iter().filter_map(|mistake| mistake.split(':').next()).collect();
    for flag in ["--pids", "--memory", "--cpus", "--max-processes", "--requests"] {
        assert!(told.contains(&flag), "{flag}: {mistakes:?}");
    }
}

#[test]
fn the_data_folder_is_for_its_owner_alone() {
    let dir = folder();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    check(dir.path(), &[]).unwrap();
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Flags of an Atelier for people of `corp.com` at some provider.
const PROVIDER: [&str; 6] =
    ["--oidc-client-id", "x", "--oidc-issuer", "https://id.example", "--allowed-domains", "corp.com"];

#[test]
fn who_may_sign_in_is_said_in_whole_names() {
    let with = |more: &[&str]| check(folder().path(), &[&PROVIDER, more].concat());
    let config =
        with(&["--allowed-emails", "Guest@Partner.example, b@c.example", "--operators", "boss@corp.com"]);
    let oidc = config.unwrap().sign_in.oidc.unwrap();
    assert_eq!((oidc.name.as_str(), oidc.allowed.emails.len()), ("id.example", 2));
    for (flag, value) in [
        ("--allowed-domains", "*.corp.com"),
        ("--allowed-domains", "corp"),
        ("--allowed-domains", "@corp.com"),
        ("--allowed-emails", "corp.com"),
        ("--operators", "boss"),
    ] {
        let mistakes = with(&[flag, value]).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(flag), "{mistakes:?}");
    }
}

#[test]
fn a_provider_wants_to_know_who_may_sign_in_and_none_wants_nothing() {
    assert!(
        mistake(&["--oidc-client-id", "x", "--oidc-issuer", "https://id.example"]).contains("nobody could")
    );
    passes(&["--oidc-client-id", "x", "--oidc-issuer", "https://id.example", "--allow-anyone"]);
    assert!(mistake(&["--allowed-domains", "corp.com"]).contains("there is no identity provider"));
    assert!(mistake(&["--oidc-issuer", "https://id.example"]).contains("there is no identity provider"));
    let google = ["--oidc-client-id", "x", "--allowed-domains", "corp.com"];
    assert!(mistake(&google).contains("Google gives a secret"));
    let dir = folder();
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/oidc-client-secret"), "the client's secret\n").unwrap();
    let config = check(dir.path(), &google).unwrap();
    assert!(!format!("{config:?}").contains("the client's secret"));
    assert_eq!(config.sign_in.oidc.unwrap().name, "Google");
}

#[test]
fn a_providers_word_does_not_come_over_plain_http_from_elsewhere() {
    for issuer in ["http://id.example", "id.example", "ftp://id.example", "https://id.example/?a=b"] {
        let flags = ["--oidc-client-id", "x", "--oidc-issuer", issuer, "--allow-anyone"];
        assert!(mistake(&flags).starts_with("--oidc-issuer"), "{issuer}");
    }
    passes(&["--oidc-client-id", "x", "--oidc-issuer", "http://127.0.0.1:9", "--allow-anyone"]);
}

#[test]
fn others_reach_it_over_tls_or_through_a_proxy_alone() {
    let open = ["--listen", "0.0.0.0:8080", "--public-url", "https://atelier.example"];
    assert!(mistake(&[&PROVIDER[..], &open].concat()).contains("--trusted-proxies"));
    passes(&[&PROVIDER[..], &open, &["--trusted-proxies", "10.0.0.1,fd00::/8"]].concat());
    // A proxy on this machine is one, too.
    let here = ["--public-url", "https://atelier.example"];
    assert!(mistake(&here).starts_with("--trusted-proxies"));
    assert!(mistake(&[&PROVIDER[..], &here].concat()).starts_with("--trusted-proxies"));
    passes(&[&PROVIDER[..], &here, &["--trusted-proxies", "127.0.0.1"]].concat());
    let unnamed = ["--listen", "0.0.0.0:8080", "--trusted-proxies", "10.0.0.1"];
    assert!(mistake(&[&PROVIDER[..], &unnamed].concat()).starts_with("--public-url"));
    for proxies in ["0.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/33"] {
        let flags = ["--trusted-proxies", proxies];
        assert!(mistake(&flags).starts_with("--trusted-proxies"), "{proxies}");
    }
}

#[test]
fn a_certificate_and_its_key_go_together_and_are_read_before_anything_starts() {
    let https = ["--public-url", "https://atelier.example"];
    assert!(mistake(&[&https[..], &["--tls-key", "/nowhere"]].concat()).contains("go together"));
    let nowhere = ["--tls-certificate", "/nowhere/a.pem", "--tls-key", "/nowhere/b.pem"];
    assert!(mistake(&[&https[..], &nowhere].concat()).contains("/nowhere/a.pem"));
}

#[test]
fn a_session_lasts_a_day_at_most() {
    for hours in ["0", "25", "NaN", "-1"] {
        for flag in ["--session-hours", "--session-idle-hours"] {
            assert!(mistake(&[&format!("{flag}={hours}")]).starts_with(flag), "{flag} {hours}");
        }
    }
    let config = check(folder().path(), &["--session-hours", "8", "--session-idle-hours", "0.5"]).unwrap();
    assert_eq!((config.sign_in.lasts, config.sign_in.idle), (8 * 3_600_000, 1_800_000));
}
