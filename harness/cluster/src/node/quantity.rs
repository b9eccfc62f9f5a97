//! Kubernetes quantities (`250m`, `1Gi`, `2e3`) as far as resource fields need them.

/// A quantity in thousandths, or nothing where the text is no quantity.
pub(crate) fn thousandths(text: &str) -> Option<i128> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = match suffix {
        "" => (1000, 1),
        "n" => (1, 1_000_000),
        "u" => (1, 1000),
        "m" => (1, 1),
        "k" => (1000 * 1000, 1),
        "M" => (1000 * 1000i128.pow(2), 1),
        "G" => (1000 * 1000i128.pow(3), 1),
        "T" => (1000 * 1000i128.pow(4), 1),
        "P" => (1000 * 1000i128.pow(5), 1),
        "E" => (1000 * 1000i128.pow(6), 1),
        "Ki" => (1000 * 1024, 1),
        "Mi" => (1000 * 1024i128.pow(2), 1),
        "Gi" => (1000 * 1024i128.pow(3), 1),
        "Ti" => (1000 * 1024i128.pow(4), 1),
        "Pi" => (1000 * 1024i128.pow(5), 1),
        "Ei" => (1000 * 1024i128.pow(6), 1),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            let scale = 10i128.checked_pow(power.unsigned_abs())?;
            if power >= 0 {
                (scale.checked_mul(1000)?, 1)
            } else {
                (1000, scale)
            }
        }
    };
    let (multiplier, divisor) = factor;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let scale = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let denominator = scale.checked_mul(divisor)?;
    let numerator = mantissa.checked_mul(multiplier)?;
    let value = numerator.checked_add(denominator - 1)? / denominator;
    Some(if negative { -value } else { value })
}

/// `value` in units of `divisor`, rounded up as a kubelet does; a divisor of `0` or none means `1`.
pub(crate) fn divided(value: &str, divisor: Option<&str>) -> Option<String> {
    let value = thousandths(value)?;
    let divisor = match divisor.map(thousandths) {
        None | Some(Some(0)) => 1000,
        Some(divisor) => divisor?,
    };
    if divisor < 0 || value < 0 {
        return None;
    }
    Some(((value + divisor - 1) / divisor).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_read() {
        for (text, expected) in [
            ("1", Some(1000)),
            ("250m", Some(250)),
            ("1.5", Some(1500)),
            ("1Ki", Some(1_024_000)),
            ("1Gi", Some(1_073_741_824_000)),
            ("2e3", Some(2_000_000)),
            ("12E-1", Some(1200)),
            ("1E", Some(1_000_000_000_000_000_000_000)),
            (".5", Some(500)),
            ("100n", Some(1)),
            ("-2", Some(-2000)),
            ("", None),
            (".", None),
            ("Gi", None),
            ("1Zi", None),
            ("1--2", None),
            ("1e99999", None),
        ] {
            assert_eq!(thousandths(text), expected, "of {text:?}");
        }
    }

    #[test]
    fn a_limit_is_given_in_its_divisor_rounded_up() {
        assert_eq!(divided("1Gi", None).as_deref(), Some("1073741824"));
        assert_eq!(divided("1Gi", Some("0")).as_deref(), Some("1073741824"));
        assert_eq!(divided("1Gi", Some("1Mi")).as_deref(), Some("1024"));
        assert_eq!(divided("250m", Some("1m")).as_deref(), Some("250"));
        assert_eq!(divided("250m", None).as_deref(), Some("1"));
        assert_eq!(divided("much", None), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9.eE+\\-KMGinum]{0,60}") {
            thousandths(&text);
            divided(&text, Some(&text));
        }
    }
}
