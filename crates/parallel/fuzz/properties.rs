//! What must hold for any bytes at all. Run by the fuzz targets, and by a plain test over mutated examples.

use welkin_parallel::{Calibration, Cluster, Effort, Model, PlanFile, StateFrom, plan};

/// Larger ones take longer to plan than a round of fuzzing may.
const MOST_OPERATIONS: usize = 60;

/// A model graph is refused, or planned.
pub(crate) fn model(bytes: &[u8]) {
    if let Ok(model) = Model::read(bytes) {
        planned(&model);
    }
}

/// Text is refused, or planned; with what it was said to have as state it says the same of all else.
pub(crate) fn stablehlo(bytes: &[u8]) {
    let Ok((model, from)) = Model::read_stablehlo(bytes, None) else { return };
    if let StateFrom::Types(count) = from {
        let said = Model::read_stablehlo(bytes, Some(count)).expect("what was found can be said");
        assert_eq!(said.0.digest, model.digest);
    }
    planned(&model);
}

fn planned(model: &Model) {
    if model.ops.len() > MOST_OPERATIONS {
        return;
    }
    let cluster = Cluster::parse("2xT4").expect("it is a cluster");
    if let Ok(made) = plan(model, &cluster, Effort::default(), &mut |_| ()) {
        assert!(
            made.bound_s.is_none_or(|bound| bound <= made.step_s * (1.0 + 1e-9)),
            "{:?} and {}",
            made.bound_s,
            made.step_s
        );
    }
}

/// What was measured is refused, or makes rates that can be written and read again; plans of others are refused.
pub(crate) fn calibration(bytes: &[u8]) {
    for read in [Calibration::fitted(bytes), Calibration::read(bytes)] {
        let Ok(calibration) = read else { continue };
        for fit in &calibration.fits {
            assert!(fit.start_s >= 0.0 && fit.each_s >= 0.0, "{fit:?}");
        }
        let again = Calibration::read(&calibration.write()).expect("what was written is a calibration");
        assert_eq!(again.write(), calibration.write());
    }
    let Ok(file) = PlanFile::read(bytes, "0") else { return };
    assert_eq!(file.model.digest, "0");
}
