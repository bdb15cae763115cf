//! Gangs one of whose nodes fails.

use crate::bed::{Bed, both, stderr};
use std::fs;

/// A gang of two whose rank 1 ends by `death` in its first attempt, once both have begun, while rank 0 would wait for ever. What
/// begins is put into a file, as attempt and rank.
fn job(bed: &Bed, recovery: &str, death: &str) {
    let ledger = bed.path().join("ledger");
    let _ = fs::remove_file(&ledger);
    let ledger = ledger.display();
    bed.file(
        "job.yaml",
        &format!(
            "name: gang\nnum_nodes: 2\nresources: {{infra: aws, cpus: 2+{recovery}}}\nrun: |\n  \
             echo $WELKIN_ATTEMPT $SKYPILOT_NODE_RANK >> {ledger}\n  \
             [ $WELKIN_ATTEMPT = 1 ] || exit 0\n  \
             [ $SKYPILOT_NODE_RANK = 1 ] || exec tail -f /dev/null\n  \
             until grep -q '1 0' {ledger}; do sleep 0.02; done\n  \
             {death}\n"
        ),
    );
}

fn begun(bed: &Bed) -> Vec<String> {
    let mut lines: Vec<String> =
        fs::read_to_string(bed.path().join("ledger")).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_gang_is_started_again_as_a_whole_when_one_of_its_nodes_dies() {
    let bed = Bed::new();
    for (recovery, death, reason) in [
        // The script itself, as when a machine has no memory left.
        ("max_restarts_on_errors: 1", "kill -9 $$", "run on node 1 was ended by signal 9"),
        // What it runs, which a shell tells by 128 and the signal.
        ("recover_on_exit_codes: [137]", "bash -c 'kill -9 $$'", "run on node 1 ended with exit code 137"),
    ] {
        job(&bed, &format!(", job_recovery: {{{recovery}}}"), death);
        let output = bed.run(["up", "job.yaml"]);
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
        assert!(stderr(&output).contains(&format!("attempt 1 ended: {reason}")), "{}", both(&output));
        assert_eq!(begun(&bed), ["1 0", "1 1", "2 0", "2 1"], "{}", both(&output));
        // Machines of both attempts are on the bill.
        let bill = bed.json(&["cost", "gang"]);
        let machines =
            bill["bill"]["lines"].as_array().unwrap().iter().filter(|line| line["item"]["vm"].is_object());
        assert_eq!(machines.count(), 2, "{bill}");
        bed.assert_clean();
    }
}

#[test]
fn a_gang_that_is_not_to_be_started_again_ends_with_the_node_that_dies() {
    let bed = Bed::new();
    job(&bed, "", "kill -9 $$");
    let output = bed.run(["up", "job.yaml"]);
    assert_eq!(output.status.code(), Some(6), "{}", both(&output));
    assert!(stderr(&output).contains("run on node 1 was ended by signal 9"), "{}", both(&output));
    assert_eq!(begun(&bed), ["1 0", "1 1"]);
    bed.assert_clean();
}
