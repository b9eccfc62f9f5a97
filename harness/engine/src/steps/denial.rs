//! A change that the API server must refuse. It is only rehearsed, so that one that is accepted leaves nothing behind.

use plumbline_cluster::{Kubernetes, KubernetesError};
use plumbline_flux::{VerbError, chain};
use plumbline_model::FaultClass;
use plumbline_scenario::{Located, TextCondition};

/// Makes a change, or, where `denied` says what it must be refused with, sees that it is refused so. Gives what came
/// of a change that was made.
pub(super) async fn change<T>(
    kubernetes: &Kubernetes,
    denied: Option<&Located<TextCondition>>,
    make: impl AsyncFnOnce(&Kubernetes) -> Result<T, KubernetesError>,
) -> Result<Option<T>, VerbError> {
    match denied {
        None => Ok(Some(make(kubernetes).await?)),
        Some(denied) => {
            judge(&denied.value, make(&kubernetes.rehearsal()).await.map(drop))?;
            Ok(None)
        }
    }
}

/// Whether the answer is a refusal with the right words.
fn judge(denied: &TextCondition, answer: Result<(), KubernetesError>) -> Result<(), VerbError> {
    let expected = format!("refused, with a message that {denied}");
    let Err(error) = answer else {
        return Err(VerbError::mismatch(
            "it was accepted, expected a refusal",
            expected,
            "accepted; it was only rehearsed, so nothing has changed",
        ));
    };
    match &error {
        KubernetesError::Refused {
            code,
            reason,
            message,
            ..
        } if is_denial(*code) => match denied.holds(&on_one_line(message)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(VerbError::mismatch(
                "it was refused, but with other words than expected",
                expected,
                format!("{code} {reason}: {message}"),
            )),
            Err(pattern) => Err(VerbError::unmet(pattern)),
        },
        // Nobody judged the change: that is neither an acceptance nor a refusal.
        KubernetesError::Refused {
            code: 401 | 500.., ..
        } => Err(VerbError::fault(FaultClass::Cluster, chain(&error))),
        _ => Err(error.into()),
    }
}

/// Webhooks wrap what they say at some column, wherever that happens to be.
fn on_one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a status says that the change itself is not wanted, as opposed to an object that is not there or somebody
/// who is not known.
const fn is_denial(code: u16) -> bool {
    matches!(code, 400..500) && !matches!(code, 401 | 404 | 408 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Failure;

    fn refused(code: u16) -> Result<(), KubernetesError> {
        Err(KubernetesError::Refused {
            action: "apply v1/Pod shop/a".into(),
            code,
            reason: "Forbidden".into(),
            message: "exceeded quota: shop".into(),
            causes: Vec::new(),
        })
    }

    fn judged(answer: Result<(), KubernetesError>, words: &str) -> Result<(), VerbError> {
        judge(&TextCondition::Contains(words.into()), answer)
    }

    #[test]
    fn a_refusal_with_the_words_is_what_was_asked_for() {
        assert!(judged(refused(403), "exceeded quota").is_ok());
        assert!(judged(refused(422), "exceeded quota").is_ok());
    }

    #[test]
    fn words_are_found_however_the_message_is_wrapped() {
        assert_eq!(
            on_one_line("no matching\n    signatures: x\n"),
            "no matching signatures: x"
        );
    }

    #[test]
    fn an_acceptance_and_other_words_are_failures() {
        let Err(VerbError::Unmet(failure)) = judged(Ok(()), "quota") else {
            panic!("an acceptance is a failure")
        };
        assert_eq!(failure.message, "it was accepted, expected a refusal");
        let Err(VerbError::Unmet(failure)) = judged(refused(403), "unknown field") else {
            panic!("other words are a failure")
        };
        let Failure { expected, actual, .. } = *failure;
        assert_eq!(
            expected.as_deref(),
            Some("refused, with a message that contains `unknown field`")
        );
        assert_eq!(actual.as_deref(), Some("403 Forbidden: exceeded quota: shop"));
    }

    #[test]
    fn who_could_not_judge_did_not_refuse() {
        for code in [401, 500, 503] {
            let judged = judged(refused(code), "exceeded quota");
            assert!(matches!(judged, Err(VerbError::Fault(_))), "{code}: {judged:?}");
        }
        let missing = judged(refused(404), "exceeded quota");
        assert!(matches!(missing, Err(VerbError::Unmet(_))), "{missing:?}");
    }
}
