# Development tasks. `just` lists them.

default:
    @just --list

# Fast feedback: types and lints
check:
    cargo clippy --workspace --all-targets

# Format everything
fmt:
    cargo fmt --all

# What CI checks before it tests
lint:
    ./test lint

# Files over 500 lines, functions are clippy's business
sizes:
    @git ls-files '*.rs' | xargs wc -l | sort -rn | head -20

# All tests, as CI runs them
test *PARTS:
    ./test {{PARTS}}

# Known vulnerabilities (needs the network: fetches the RustSec database)
advisories:
    cargo deny check advisories

# Token engine beside the bare cryptography and the jsonwebtoken crate
bench-token:
    cargo bench -p countersign-token

# Revocation checks with 1e6 and 1e7 rules, bytes a rule, snapshots beside SHA-256
bench-table:
    cargo bench -p countersign-feed

# Courses of events of the revocation feed, a seed each: just simulate 10000
simulate SEEDS:
    cargo run --release -p countersign-proof --example simulate -- {{SEEDS}}

# Refresh rotation beside the bare group-commit rate of this disk
bench-store:
    cargo bench -p countersign-store-sqlite

# The server under load beside bare axum, one core each
bench-server:
    bench/run

# Sign-ins beside bare Argon2id, a flood of wrong ones, codes by mail
bench-login:
    bench/run login

# From a revocation to its refusal at 1,000 connected verifiers
bench-feed:
    bench/run feed

# Fuzz a target for a minute: just fuzz compact
fuzz TARGET SECONDS="60":
    mkdir -p fuzz/corpus/{{TARGET}}
    cargo fuzz run --sanitizer none {{TARGET}} fuzz/corpus/{{TARGET}} fuzz/seeds/{{TARGET}} -- -max_total_time={{SECONDS}}

# Clients nobody here wrote, against the release binary
e2e:
    ./test release e2e

# Writes docs/reference anew
reference:
    cargo run --quiet -- config schema > docs/reference/config.schema.json
