//! Cases that must hold on every [`Stand`](super::stand::Stand).

/// Runs each case on both stands.
macro_rules! on_both_stands {
    ($($case:ident),+ $(,)?) => {
        mod with_own_content {
            $(#[tokio::test] async fn $case() { super::$case(super::Stand::Own).await })+
        }
        mod as_a_front {
            $(#[tokio::test] async fn $case() { super::$case(super::Stand::Front).await })+
        }
    };
}
pub(crate) use on_both_stands;
