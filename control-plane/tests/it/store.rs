//! What every kind of store must do.
//!
//! The cases are written once, against a [`World`](world::World): two handles on one fresh store, as two control planes (or a control
//! plane and a command beside it) have them. [`conformance`] makes each case a test of one kind. What is true of
//! SQLite alone is in [`sqlite`].

mod commits;
mod conversations;
mod model;
mod outbox;
mod people;
mod secrets;
mod segments;
pub(crate) mod sqlite;
mod tokens;
mod usage;
mod workspaces;
mod world;

/// Makes every case a test of one kind of store. `$kind` is a module with `async fn world() -> World`.
macro_rules! conformance {
    ($kind:ident) => {
        conformance! { $kind;
            people {
                signing_in_again_gives_the_same_user,
                a_hundred_first_sign_ins_of_one_subject_make_one_user,
                subjects_are_told_apart_to_the_letter,
                an_unknown_user_is_not_found,
                a_local_code_is_spent_by_one_of_a_hundred,
                a_local_code_ends_with_its_time,
                an_unknown_local_code_is_worth_nothing,
                an_expired_code_takes_no_other_with_it,
                a_session_is_read_until_its_time_is_over,
                a_closed_session_is_gone_and_others_are_not,
                nobody_has_no_session,
            }
            secrets {
                a_secret_is_kept_as_it_was_given,
                the_first_of_a_hundred_secrets_wins_and_all_are_told,
                names_do_not_mix,
            }
            workspaces {
                each_gets_the_lowest_free_numbers,
                what_a_deleted_one_had_is_used_again,
                numbers_outside_a_new_range_do_not_matter,
                an_exhausted_range_is_said_and_nothing_is_made,
                a_hundred_at_once_for_one_user_give_one,
                users_at_once_get_numbers_of_their_own,
                nobody_has_no_workspace,
                saving_counts_the_version_and_refuses_a_stale_one,
                one_of_many_savers_wins,
                saving_touches_no_certificate,
                certificates_are_replaced_only_if_they_are_as_expected,
                one_of_many_certificates_wins,
                links_are_counted_without_holes_or_repeats,
                a_catalog_is_kept,
                what_is_not_there_is_not_found,
                deleting_takes_everything_along,
            }
            tokens {
                a_token_is_spent_by_one_of_a_hundred,
                a_new_token_voids_the_earlier_ones_of_its_workspace_alone,
                a_token_ends_with_its_time,
                an_unknown_token_is_worth_nothing,
                a_token_dies_with_its_workspace,
            }
            conversations {
                making_it_again_changes_nothing,
                a_hundred_at_once_with_one_id_make_one,
                an_id_that_another_workspace_has_is_not_told_of,
                the_last_changed_comes_first,
                pages_join_without_a_gap_or_a_repeat,
                a_query_is_text_and_no_pattern,
                a_list_goes_on_only_from_its_own_conversations,
                renaming_keeps_everything_else,
                log_ends_are_those_of_the_whole_workspace,
                deleting_takes_everything_along,
                what_is_not_there_is_not_found,
            }
            commits {
                a_log_goes_on_at_its_end_and_nowhere_else,
                epochs_never_go_back,
                a_record_must_agree_with_its_segment,
                one_of_two_writers_wins,
                one_of_many_writers_wins_each_round,
                a_commit_that_fails_at_its_last_part_leaves_nothing,
                a_notice_number_is_used_once,
                a_refused_commit_harms_none_beside_it,
                a_commit_to_what_is_not_there_is_not_found,
            }
            segments {
                pages_are_exact_over_every_border,
                a_segment_of_full_size_comes_back_as_it_went,
                chunks_are_kept_once,
                chunks_belong_to_one_conversation,
            }
            outbox {
                an_item_is_kept_as_it_last_was,
                a_cursor_gets_what_is_open_and_what_changed_since,
                without_a_cursor_come_open_and_refused_ones,
                unfinished_are_those_with_open_items,
                notices_come_in_order_after_a_number,
            }
            usage {
                spending_is_summed_over_models_and_from_a_day_on,
                a_hundred_at_once_are_all_counted,
                no_workspace_spends_nothing,
            }
            model {
                any_sequence_of_commits_comes_to_what_the_model_says,
            }
        }
    };
    ($kind:ident; $($subject:ident { $($case:ident),* $(,)? })*) => {
        mod conforms {
            $(mod $subject {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    let world = crate::store::$kind::world().await;
                    crate::store::$subject::$case(&world).await;
                })*
            })*
        }
    };
}

conformance!(sqlite);

/// Asserts that the store refused, and why.
macro_rules! assert_refused {
    ($done:expr, $why:ident) => {
        match $done {
            Err(control_plane::store::StoreError::$why) => {}
            other => panic!("{other:?}, not {}", stringify!($why)),
        }
    };
}
use assert_refused;
