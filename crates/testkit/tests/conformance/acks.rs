//! Answers to what is sent, and their order.

use std::time::Duration;

use gavelscope_client::transport::{AckError, Lost};
use serde_json::{Value, json};

use crate::servers::KINDS;
use crate::way::{Each, PATIENCE, WAYS};

/// Whether two questions can be answered out of their order: the boxed library has one outstanding at a time, because
/// its ids can collide.
pub const ANSWERED_OUT_OF_ORDER: Each<bool> = [false, true, true];
/// Whether a link goes on after an answer that never came: the boxed library keeps the question for ever, and its id can
/// catch a later answer.
pub const OUTLIVES_SILENCE: Each<bool> = [false, true, true];

/// Whether a link can be asked for a sign of life.
pub const ANSWERS_CHECKS: Each<bool> = [false, true, false];

/// Long enough for an answer on a busy machine to arrive; short enough to wait for in a test.
const SILENCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_have_no_argument_one_or_several() {
    for kind in KINDS {
        for way in WAYS {
            let player = way.connect(kind.shared(), None).await.unwrap();
            let check = async |question: &'static str, payload: Value, expect: Vec<Value>| {
                let answer = player.ask(question, payload).await;
                assert_eq!(answer, Ok(expect), "{kind:?}, {way}: {question}");
            };
            check("ack_none", json!({}), vec![]).await;
            check("echo", json!({"a": 1}), vec![json!({"a": 1})]).await;
            check(
                "ack_many",
                json!({}),
                vec![json!(1), json!("two"), json!({"three": 3})],
            )
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_gets_its_own_answer() {
    for kind in KINDS {
        for way in WAYS {
            let player = way.connect(kind.shared(), None).await.unwrap();
            let mut answers = Vec::new();
            for number in 0..100 {
                answers.push(player.ask_later("echo", json!(number), PATIENCE).await);
            }
            for (number, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer.await.unwrap(), Ok(vec![json!(number)]), "{kind:?}, {way}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_holds_up_others_only_where_the_table_says() {
    for kind in KINDS {
        for way in WAYS {
            let player = way.connect(kind.shared(), None).await.unwrap();
            if *way.of(&ANSWERED_OUT_OF_ORDER) {
                let held = player.ask_later("hold", json!({}), PATIENCE).await;
                let echoed = player.ask("echo", json!(1)).await;
                assert_eq!(echoed, Ok(vec![json!(1)]), "{kind:?}, {way}");
                player.tell("release", json!({})).await;
                assert_eq!(
                    held.await.unwrap(),
                    Ok(vec![json!("released")]),
                    "{kind:?}, {way}"
                );
            } else {
                let mut slow = player.ask_later("slow", json!({"ms": 500}), PATIENCE).await;
                let echoed = player.ask("echo", json!(1)).await;
                assert_eq!(echoed, Ok(vec![json!(1)]), "{kind:?}, {way}");
                assert_eq!(slow.try_recv(), Ok(Ok(vec![json!(500)])), "{kind:?}, {way}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_handler_is_never_answered_and_says_so() {
    for kind in KINDS {
        for way in WAYS {
            let mut player = way.connect(kind.shared(), None).await.unwrap();
            let answer = player
                .ask_within("sync_state", json!({"leagueId": "a"}), SILENCE)
                .await;
            assert_eq!(answer, Err(AckError::Missing), "{kind:?}, {way}");
            if *way.of(&OUTLIVES_SILENCE) {
                assert_eq!(
                    player.ask("echo", json!(1)).await,
                    Ok(vec![json!(1)]),
                    "{kind:?}, {way}"
                );
            } else {
                assert_eq!(player.end().await, Lost::AckMissing, "{kind:?}, {way}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_the_link_is_answered_where_it_says_so() {
    for kind in KINDS {
        for way in WAYS {
            let mut player = way.connect(kind.shared(), None).await.unwrap();
            player.before("connected").await.unwrap();
            let answers = player.online.as_ref().unwrap().answers_checks;
            assert_eq!(answers, *way.of(&ANSWERS_CHECKS), "{kind:?}, {way}");
            // Where it cannot be asked, asking harms nothing. The link may have closed that end.
            let _ = player.link.checks.try_send(());
            while answers && player.alive == 0 {
                player.take_in().await;
            }
            assert_eq!(
                player.ask("echo", json!(1)).await,
                Ok(vec![json!(1)]),
                "{kind:?}, {way}"
            );
        }
    }
}
