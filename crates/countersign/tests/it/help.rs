//! Help, examples, exit codes, completions, manual pages.

use crate::bin::Bin;

/// Every command, by walking the help of each.
fn commands(bin: &Bin, at: &[&str]) -> Vec<Vec<String>> {
    let args: Vec<&str> = at.iter().copied().chain(["--help"]).collect();
    let help = bin.run(&args).ok().out;
    let mut out = vec![at.iter().map(|s| (*s).to_owned()).collect()];
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
    for line in listed.lines().take_while(|l| l.starts_with("  ")) {
        let Some(name) = line.strip_prefix("  ").and_then(|l| l.split(' ').next()) else { continue };
        if !name.is_empty() && name != "help" {
            let inner: Vec<&str> = at.iter().copied().chain([name]).collect();
            out.extend(commands(bin, &inner));
        }
    }
    out
}

#[test]
fn every_command_shows_an_example() {
    let bin = Bin::new();
    let all = commands(&bin, &[]);
    assert!(all.len() > 40, "{}: {all:?}", all.len());
    for command in &all {
        let args: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let ran = bin.run(&args).ok();
        assert!(
            ran.out.contains("Example:\n  ") && ran.out.contains("countersign"),
            "{command:?}: {}",
            ran.out
        );
        assert!(ran.err.is_empty(), "{ran:?}");
    }
}

#[test]
fn wrong_use_is_exit_code_2_and_changes_nothing() {
    let bin = Bin::new();
    for args in [
        &[][..],
        &["sevre"],
        &["serve", "--lisen", "127.0.0.1:0"],
        &["user"],
        &["user", "add"],
        &["user", "add", "ada@example.com", "--password", "x"],
        &["client", "apply"],
        &["role", "add", "editor", "--grant", "no-scopes"],
        &["role", "add", "editor", "--grant", "urn:x=a\"b"],
        &["key", "rotate", "--alg", "none"],
        &["revoke"],
        &["revoke", "--user", "a", "--client", "b"],
        &["revoke", "--user", "a", "--timeout", "5"],
        &["token", "verify", "--issuer", "https://id.example.com"],
        &["token", "verify", "--jwks", "x.json", "--audience", "a"],
        &["token", "explain", "--issuer", "https://id.example.com"],
        &["token", "explain", "--jwks", "x.json", "--audience", "a"],
        &["token", "sign", "--claims", "-"],
        &["jwk", "convert", "key.jwk"],
        &["jwk", "generate"],
        &["document", "sign", "x", "--key", "key.jwk"],
        &["document", "verify", "x", "--typ", "invoice"],
        &["completions", "cobol"],
        &["demo", "--listen", "nowhere"],
    ] {
        let ran = bin.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran:?}");
    }
    assert!(!bin.data().exists(), "nothing was made");
}

#[test]
fn global_flags_stand_anywhere() {
    let bin = Bin::new();
    let dir = bin.path().join("elsewhere");
    let dir = dir.to_str().unwrap();
    for args in [["--data-dir", dir, "user", "list", "--json"], ["user", "list", "--json", "--data-dir", dir]]
    {
        assert_eq!(bin.run(&args).ok().json(), serde_json::json!([]));
    }
    assert!(bin.path().join("elsewhere/countersign.db").exists() && !bin.data().exists());
}

#[test]
fn completions_manual_and_version() {
    let bin = Bin::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(bin.run(&["completions", shell]).ok().out.contains("rotate-secret"), "{shell}");
    }
    assert!(bin.run(&["man"]).ok().out.contains(".TH countersign 1"));
    bin.run(&["man", "--dir", "pages"]).ok();
    let pages = std::fs::read_dir(bin.path().join("pages")).unwrap().count();
    assert!(pages > 40, "{pages} pages");
    assert!(bin.run(&["--version"]).ok().out.starts_with("countersign 0."));
}

#[test]
fn nothing_is_coloured_where_there_is_no_terminal() {
    let bin = Bin::new();
    for args in [&["--help"][..], &["nonsense"], &["user", "show", "nobody"]] {
        let ran = bin.run(args);
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{ran:?}");
    }
}
