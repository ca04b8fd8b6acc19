//! What every kind of store must do.
//!
//! The cases are written once, against a [`World`](world::World): two handles on one fresh store, as two control planes (or a control
//! plane and a command beside it) have them. [`conformance`] makes each case a test of one kind. What is true of one kind
//! alone is in [`sqlite`] and [`firestore`].

mod api_tokens;
mod audit;
mod commits;
mod conversations;
mod crashes;
pub(crate) mod firestore;
mod leases;
mod model;
mod outbox;
mod people;
mod secrets;
mod segments;
mod sessions;
pub(crate) mod sqlite;
mod tokens;
mod usage;
mod users;
mod workspaces;
pub(crate) mod world;

/// Makes every case a test of one kind of store. `$kind` is a module with `async fn world() -> Option<World>`; where that
/// kind can't be had, it says so and there is none.
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
            users {
                a_sign_in_notes_the_time_and_the_address,
                who_is_kept_out_is_told_so_and_nothing_is_noted,
                what_people_say_of_themselves_is_kept_over_sign_ins,
                a_role_is_kept,
                they_are_found_by_a_piece_of_their_name_or_address,
                pages_join_without_a_gap_or_a_repeat,
                keeping_out_ends_every_session,
                who_is_being_erased_is_known_and_stays_out,
                settings_are_kept_and_replaced,
                removing_takes_everything_along,
                what_they_allowed_goes_with_them_and_that_they_did_stays,
                who_is_not_there_is_not_found,
            }
            sessions {
                an_unused_one_ends_and_a_used_one_goes_on_to_its_end,
                use_is_noted_once_a_minute,
                a_user_sees_their_own_the_newest_first,
                one_is_ended_by_its_owner_alone,
                all_of_one_user_are_ended_at_once,
                it_goes_on_under_another_token,
                one_of_a_hundred_gives_it_another_token,
                a_token_opens_one_session,
                tidying_removes_what_has_expired_and_nothing_else,
            }
            api_tokens {
                it_is_good_until_it_ends,
                its_use_is_noted_once_a_minute,
                a_user_sees_their_own_the_newest_first,
                it_is_revoked_by_its_owner_alone,
                who_is_kept_out_shows_with_it,
            }
            audit {
                numbers_grow_and_none_is_used_twice,
                a_deed_is_read_as_it_was_written,
                any_filter_in_any_pages_comes_to_what_it_says,
                an_export_has_a_line_a_deed,
                a_long_trail_is_read_in_bounded_steps,
            }
            secrets {
                a_secret_is_kept_as_it_was_given,
                the_first_of_a_hundred_secrets_wins_and_all_are_told,
                names_do_not_mix,
                a_users_is_replaced_and_removed,
                all_are_listed_once_in_pages,
                it_is_sealed_anew_only_if_it_is_as_expected,
            }
            workspaces {
                each_gets_the_lowest_free_numbers,
                what_a_deleted_one_had_is_used_again,
                numbers_outside_a_new_range_do_not_matter,
                an_exhausted_range_is_said_and_nothing_is_made,
                a_hundred_at_once_for_one_user_give_one,
                users_at_once_get_numbers_of_their_own,
                pages_of_them_join_without_a_gap_or_a_repeat,
                numbers_of_a_wide_range_are_found_past_what_is_taken,
                many_that_come_and_go_at_once_never_share_a_number,
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
            leases {
                the_first_has_it_until_its_time_is_over,
                taking_ones_own_again_is_a_renewal,
                a_renewal_is_refused_once_another_has_it,
                what_was_given_up_is_free_and_its_number_is_used_up,
                one_of_a_hundred_takes_it_and_all_are_told,
                fences_only_grow,
                it_goes_with_its_workspace,
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
                they_are_counted,
                removing_a_large_one_lets_others_go_on,
                what_a_cut_off_removal_left_shows_through_nothing,
                log_ends_are_those_of_the_whole_workspace,
                what_may_be_read_is_found_until_that_is_over,
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
                a_page_takes_no_more_bytes_than_are_wanted_unless_its_first_segment_does,
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
                the_longest_message_comes_back_as_it_went,
                one_step_may_change_a_full_outbox_of_the_longest_messages,
            }
            usage {
                spending_is_summed_over_models_and_from_a_day_on,
                a_hundred_at_once_are_all_counted,
                no_workspace_spends_nothing,
            }
            crashes {
                a_caller_that_goes_away_leaves_all_or_nothing,
                a_caller_that_goes_away_can_try_again,
                two_that_both_believe_they_own_it_are_never_merged,
                a_removal_that_is_cut_off_is_finished_later,
                a_process_that_is_killed_leaves_all_or_nothing,
            }
            model {
                any_sequence_of_commits_comes_to_what_the_model_says,
            }
        }
    };
    ($kind:ident; $($subject:ident { $($case:ident),* $(,)? })*) => {
        mod $kind {
            $(mod $subject {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    if let Some(world) = crate::store::$kind::world().await {
                        crate::store::$subject::$case(&world).await;
                    }
                })*
            })*
        }
    };
}

mod conforms {
    conformance!(sqlite);
    conformance!(firestore);
}

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
