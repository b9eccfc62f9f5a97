//! How much of a failure's texts is kept: the log of a run is read by people, and by programs that hold it in memory.

use plumbline_flux::VerbError;
use plumbline_model::Failure;

/// A sentence.
const MESSAGE: usize = 16 << 10;
/// One side of a comparison.
const SIDE: usize = 128 << 10;
/// One piece of evidence.
const ATTACHMENT: usize = 128 << 10;
/// All evidence of a step together; what does not fit is named.
const ATTACHMENTS: usize = 640 << 10;

/// The failure with the beginning and the end of each long text; less than a mebibyte in all.
pub(crate) fn bounded(error: VerbError) -> VerbError {
    match error {
        VerbError::Unmet(failure) => VerbError::Unmet(Box::new(bounded_failure(*failure))),
        fault @ VerbError::Fault(_) => fault,
    }
}

fn bounded_failure(failure: Failure) -> Failure {
    let mut left = ATTACHMENTS;
    let mut attachments = failure.attachments;
    for attachment in &mut attachments {
        attachment.text = cut(std::mem::take(&mut attachment.text), ATTACHMENT.min(left));
        left -= attachment.text.len().min(left);
    }
    Failure {
        message: cut(failure.message, MESSAGE),
        expected: failure.expected.map(|text| cut(text, SIDE)),
        actual: failure.actual.map(|text| cut(text, SIDE)),
        attachments,
    }
}

/// Three quarters of the room for the beginning, one for the end: causes come first, but the last word counts.
fn cut(text: String, room: usize) -> String {
    if text.len() <= room {
        return text;
    }
    let start = text.floor_char_boundary(room / 4 * 3);
    let end = text.ceil_char_boundary(text.len() - room / 4);
    let (head, tail) = (&text[..start], &text[end..]);
    format!("{head}\n… {} bytes left out …\n{tail}", end - start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Attachment;
    use proptest::prelude::*;

    #[test]
    fn a_failure_is_less_than_a_mebibyte_whatever_it_tells() {
        let endless = "é".repeat(1 << 20);
        let attachment = || Attachment {
            title: "log".to_owned(),
            text: endless.clone(),
        };
        let failure = bounded_failure(Failure {
            message: endless.clone(),
            expected: Some(endless.clone()),
            actual: Some(endless.clone()),
            attachments: (0..20).map(|_| attachment()).collect(),
        });
        let texts = [&failure.message]
            .into_iter()
            .chain(&failure.expected)
            .chain(&failure.actual);
        let evidence = failure.attachments.iter().map(|attachment| &attachment.text);
        let total: usize = texts.chain(evidence).map(String::len).sum();
        assert!(total < 1 << 20, "{total}");
        assert!(failure.attachments[19].text.contains("left out"));
    }

    #[test]
    fn short_texts_stay_as_they_are() {
        assert_eq!(cut("short".to_owned(), 5), "short");
        assert_eq!(
            cut("0123456789".to_owned(), 8),
            "012345\n… 2 bytes left out …\n89"
        );
    }

    proptest! {
        #[test]
        fn every_text_can_be_cut_anywhere(text in ".{0,40}", room in 0usize..50) {
            let shown = cut(text.clone(), room);
            prop_assert!(shown == text || shown.contains("left out"));
        }
    }
}
