//! What of kind's output is worth telling when it fails.

/// How many lines are told.
const LINES: usize = 12;

/// The end of what kind said, without what kubeadm logs of itself: each request that it makes, and where in its code it failed. Of a
/// thousand lines those are the last fifty, and the reason stands before them.
pub(super) fn last_words(said: &str) -> Vec<&str> {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_place = |line: Option<&&str>| {
        line.is_some_and(|line| {
            line.starts_with('\t') && line.contains(".go:") || line.starts_with("\truntime/")
        })
    };
    let told = lines.iter().enumerate().filter(|(index, line)| {
        // A function is followed by the place in it.
        !is_information(line) && !is_place(Some(line)) && !is_place(lines.get(index + 1))
    });
    let told: Vec<&str> = told.map(|(_, line)| *line).collect();
    told[told.len().saturating_sub(LINES)..].to_vec()
}

/// Whether a line is of Kubernetes' log, and no warning or error: `I1122 05:38:33.900885     118 round_trippers.go:632] …`.
fn is_information(line: &str) -> bool {
    line.strip_prefix('I')
        .and_then(|rest| rest.split_once(' '))
        .is_some_and(|(day, _)| day.len() == 4 && day.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_reason_is_told_and_not_where_it_stands_in_the_code_of_kubeadm() {
        let said = "ERROR: failed to create cluster: failed to init node with kubeadm\n\
            \n\
            I1122 05:38:55.900660     118 round_trippers.go:632] \"Response\" verb=\"POST\"\n\
            E1122 05:38:55.900661     118 run.go:72] command failed\n\
            error: error execution phase wait-control-plane: no answer\n\
            k8s.io/kubernetes/cmd/kubeadm/app.Run\n\
            \tk8s.io/kubernetes@v1.36.3/cmd/kubeadm/app/kubeadm.go:48\n\
            runtime.goexit\n\
            \truntime/asm_amd64.s:1264\n";
        assert_eq!(
            last_words(said),
            [
                "ERROR: failed to create cluster: failed to init node with kubeadm",
                "E1122 05:38:55.900661     118 run.go:72] command failed",
                "error: error execution phase wait-control-plane: no answer",
            ]
        );
    }

    #[test]
    fn of_much_the_end_is_told() {
        let said: String = (0..50).map(|number| format!("{number}\n")).collect();
        let told = last_words(&said);
        assert_eq!((told.len(), told[0], told[LINES - 1]), (LINES, "38", "49"));
    }

    proptest! {
        #[test]
        fn nothing_is_told_that_was_not_said(said in "[I0-9 \t\na-z.:]{0,60}") {
            for line in last_words(&said) {
                prop_assert!(said.lines().any(|told| told == line));
            }
        }
    }
}
