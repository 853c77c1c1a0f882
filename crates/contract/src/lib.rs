//! What every store must do, as cases that an adapter runs against itself with [`suite!`] or
//! [`suite_of_one!`].
//!
//! Owns: the cases, one file a port; the manual clock, seeded entropy and fixtures that these and other
//! tests begin with.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that fails has to say so by panicking"
)]

pub mod account;
pub mod browser_session;
pub mod challenge;
pub mod client;
pub mod client_session;
pub mod clock;
pub mod code;
pub mod consent;
pub mod entropy;
pub mod event;
pub mod feed;
pub mod fixture;
pub mod flow;
pub mod key;
pub mod node;
pub mod outbox;
pub mod passkey;
pub mod phone;
pub mod recovery_code;
pub mod refresh;
pub mod resource;
pub mod revocation;
pub mod role;
pub mod stage;
pub mod status_list;
pub mod totp;
pub mod upstream;
pub mod user;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use stage::{Place, Stage};

/// Runs one case at that place.
pub fn run<F: Future<Output = ()>>(place: impl Place, case: impl FnOnce(Stage) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async move { case(Stage::new(place)).await });
}

/// A `#[test]` for each case named, at the place that the expression makes anew for each.
#[macro_export]
macro_rules! cases {
    ($place:expr; $($file:ident: $($case:ident)+;)+) => {
        $($(
            #[test]
            fn $case() {
                $crate::run($place, $crate::$file::$case);
            }
        )+)+
    };
}

/// Whole flows of the issuer: `flows!(place)`.
#[macro_export]
macro_rules! flows {
    ($place:expr) => {
        $crate::flows! { @cases $place;
            account: account_sessions account_end_others;
            account_change: account_address_changes account_address_tells_nothing account_address_bound
                account_password_changes account_changes_end_with_the_session account_consents account_export;
            account_delete: account_deleted;
            recover: recover_flow recover_tells_nothing recover_needs_the_second_factor
                recover_by_a_recovery_code recover_bound;
            signup: signup_flow signup_tells_nothing signup_64_at_once signup_refused signup_bound
                signup_pays_for_few_hashes signup_by_prompt;
            admin: admin_used_at_once admin_clients admin_clients_all_or_none admin_resources admin_roles admin_users
                admin_disable admin_set_password admin_revoke admin_directory_follows;
            keys: keys_first_start keys_wrong_master keys_rotate_by_themselves keys_wait_for_every_node
                keys_rotate_by_hand keys_withdraw keys_command_beside_server keys_refresh_rotation
                keys_for_a_resource;
            login: login_right login_tells_nothing login_oversize login_flood
                login_when_hashing_is_full login_renews_hash login_cookie_changes login_proofs_are_bound;
            audit: audit_search audit_chain audit_clients audit_throttled audit_holds_no_secret;
            authorize: authorize_prompts authorize_proves_again authorize_resumes
                authorize_chooses_the_account authorize_consents authorize_answers;
            code: code_flow code_for_audiences_that_sign_differently code_reused code_used_64_at_once code_bound code_dies_with_the_sign_in
                token_requests_refused;
            confusion: confusion_of_kinds;
            direct: direct_flow direct_refused_alike direct_clients direct_api_login;
            factors: factors_secrets_swapped factors_proofs_swapped factors_64_at_once
                factors_account_flooded factors_reset_by_the_operator;
            feed: feed_has_every_cause feed_heads feed_key_life feed_keys_apart feed_receipt;
            feed_agrees: feed_agrees feed_agrees_in_little_room;
            feed_log: feed_two_nodes_64 feed_follows_others feed_left_behind feed_of_many feed_put_back feed_coarse;
            first_party: first_party_flow first_party_second_step first_party_refused_alike
                first_party_guessing first_party_clients first_party_requests_refused first_party_hint
                first_party_leads_to_a_page;
            first_party_bound: first_party_session_is_bound first_party_dies_with_the_password
                first_party_session_is_no_token first_party_gets_no_more first_party_one_code
                first_party_at_once first_party_code_is_bound;
            introspection: introspection_matrix introspection_needs_authentication
                introspection_remembers_no_verdict introspection_never_by_old_rules;
            known_device: known_device_gets_in known_device_forgotten known_device_told
                known_device_spares_a_factor known_device_in_a_storm known_device_takes_a_proof;
            login_model: login_model;
            login_model_ways: login_model_ways;
            step_up: step_up_for_what_is_missing step_up_for_clients step_up_for_resources step_up_on_a_new_device
                step_up_when_the_house_asks_more step_up_renews_no_first_factor
                step_up_sets_up_nothing_past_a_factor;
            logout: logout_flow logout_of_a_removed_client logout_is_confirmed logout_refused;
            magic_link: link_opened_and_used link_of_another_browser link_ends link_64_at_once
                link_claims_an_unproven_address;
            mail_code: mail_code_right mail_code_is_bound mail_code_of_a_further_step mail_code_tries mail_code_tells_nothing
                mail_code_refused mail_code_sent_so_often mail_code_64_at_once;
            machine: machine_flow machine_audiences machine_shared_secret;
            mfa: mfa_flow mfa_partial_token_is_no_token mfa_other_tokens_refused mfa_partial_token_expires
                mfa_dies_with_the_password mfa_finished_once mfa_64_at_once mfa_two_ways_at_once
                mfa_method_not_there mfa_guessing mfa_demanded_of_everybody;
            outbox: outbox_tries_again outbox_codes_end outbox_two_processes outbox_of_a_dead_process
                outbox_with_its_event;
            parameters: parameters_twice parameters_of_any_kind;
            passkey: passkey_signs_in passkey_cheats_refused passkey_challenges_are_bound
                passkey_challenges_grow_old passkey_answers_once passkey_64_at_once passkey_cloned
                passkey_as_second_factor passkey_registrations_refused passkey_kept_and_removed
                passkey_last_way_stays passkey_needs_a_host_name;
            passwordless: passwordless_code passwordless_link passwordless_gets_no_more
                passwordless_64_at_once mfa_by_sms mfa_by_mail mfa_mail_keeps_to_its_step;
            recovery_code: recovery_codes_are_good_once recovery_codes_are_ones_own recovery_code_guessing;
            refresh: refresh_flow refresh_kept_by_confidential_clients refresh_used_64_at_once
                refresh_stolen refresh_of_another_client refresh_narrows refresh_ends
                refresh_looks_at_roles_again;
            revocation: revocation_endpoint revocation_rules revocation_waits_out_a_cutoff
                revocation_of_a_client_made_again;
            sms_code: sms_enrol sms_is_bound sms_sent_so_often;
            status_list: status_is_asked_for status_list_tokens status_within_a_second status_after_a_cutoff
                status_agrees_with_introspection status_beside_buckets
                status_outlives_settings
                status_of_a_session_is_the_sessions;
            upstream: upstream_signs_up_and_in upstream_lies_are_refused upstream_forged_signatures
                upstream_keys_come_and_go upstream_state_is_one_browsers upstream_answers upstream_out_of_order
                upstream_never_by_an_address upstream_asks_first upstream_linked_by_its_owner
                upstream_obeys_the_operator;
            totp: totp_enrolment totp_enrolment_is_bound totp_picture_is_harmless totp_code_is_good_once
                totp_guessing;
        }
    };
    (@cases $place:expr; $($file:ident: $($case:ident)+;)+) => {
        $($(
            #[test]
            fn $case() {
                $crate::run($place, $crate::flow::$file::$case);
            }
        )+)+
    };
}

/// Every case that a store opened only once can play: `suite_of_one!(place)`.
#[macro_export]
macro_rules! suite_of_one {
    ($place:expr) => {
        $crate::cases! { $place;
            user: user_round_trip user_refused user_once_of_many user_change user_pages
                password_ends_sessions password_voids_proofs password_hash_renewed_once
                user_disable_enable user_remove user_sign_out;
            account: account_found account_change_email account_email_taken_64_at_once account_verify_email
                account_passwords account_change_outrun account_changes_64_at_once account_devices account_stranded
                account_events;
            role: role_round_trip;
            client: client_round_trip client_list_and_origins client_remove;
            resource: resource_round_trip;
            consent: consent_round_trip;
            browser_session: browser_round_trip browser_step_up browser_not_continued
                browser_changes_hands browser_devices browser_touch browser_end browser_end_others browser_cookie_is_one;
            challenge: challenge_round_trip challenge_is_bound challenge_one_a_flow challenge_tries
                challenge_64_at_once challenge_link challenge_ends;
            phone: phone_round_trip phone_outrun;
            code: code_round_trip code_twice code_64_at_once code_gone code_replay_reported code_sweep
                code_of_proofs code_of_proofs_void;
            client_session: session_round_trip session_not_started session_64_at_once session_list session_end
                session_end_at_once session_sweep;
            totp: totp_round_trip totp_ends_sessions totp_step_64_at_once;
            recovery_code: recovery_codes_round_trip recovery_code_64_at_once;
            refresh: refresh_rotates refresh_kept_token refresh_retry refresh_retry_budget_renews
                refresh_retry_window refresh_theft refresh_ahead refresh_wrong_client refresh_gone
                refresh_64_at_once refresh_against_end;
            key: key_life key_withdraw key_refresh_versions key_reseal;
            revocation: rule_token rule_before_now rule_reading_on;
            feed: feed_begun_once feed_numbers feed_blocks feed_blocks_swept feed_snapshots feed_epochs
                feed_acknowledged feed_acknowledged_by_too_many feed_token_life;
            status_list: status_leases status_leases_at_once status_of_a_session status_hits_of_rules
                status_given_too_late status_retires;
            passkey: passkey_round_trip passkey_refused passkey_used passkey_used_64_at_once passkey_suspected;
            upstream: upstream_round_trip upstream_removed upstream_joins_once;
            event: event_round_trip event_found event_kept;
            outbox: job_round_trip job_lease_runs_out job_fails job_dies job_taken_once;
            node: node_ping node_heartbeats;
        }
    };
}

/// Every case: `suite!(place)`, where `place` can be opened more than once, also at the same time.
#[macro_export]
macro_rules! suite {
    ($place:expr) => {
        $crate::suite_of_one!($place);
        $crate::cases! { $place;
            code: code_two_processes;
            refresh: refresh_64_at_once_within_budget refresh_many_chains;
            key: key_init_once;
            feed: feed_append_64_at_once;
            event: event_reader_misses_none;
            node: restart_keeps_everything two_processes_read_each_other two_processes_take_turns;
        }
    };
}
