//! Files that are no models, or should not be: each is refused with a word on where, and none panics.

use welkin_parallel::{Cluster, Effort, Model, MoveWire, PartWire, PlanFile, ProgramWire, plan};

fn mlp() -> String {
    include_str!("data/mlp.json").to_owned()
}

/// What reading says of a model with one thing changed.
fn said(from: &str, to: &str) -> String {
    let text = mlp();
    assert!(text.contains(from), "{from}");
    let error = Model::read(text.replacen(from, to, 1).as_bytes()).expect_err(to);
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[test]
fn what_cannot_be_is_refused_by_its_place() {
    let first = r#""in":[[6,[1,0]],[0,[0,2]]]"#;
    let cases = [
        (r#"["f32",[1024,4096]]"#, r#"["f31",[1024,4096]]"#, "value 0: there is no element type `f31`"),
        (
            r#"["f32",[1024,4096]]"#,
            r#"["f32",[4294967296,4294967296]]"#,
            "value 0: a shape of [4294967296, 4294967296] is larger",
        ),
        (first, r#""in":[[6,[1,0]],[99999,[0,2]]]"#, "operation 0 (dot_general): there is no value 99999"),
        (first, r#""in":[[6,[1,0]],[0,[0,9]]]"#, "operation 0 (dot_general): there is no loop 9"),
        (first, r#""in":[[6,[0,0]],[0,[1,2]]]"#, "cannot run over dimension 0 of value 6"),
        (first, r#""in":[[6,[1]],[0,[0,2]]]"#, "value 6 has 2 dimensions, and loops are given for 1"),
        (first, r#""in":[[12,[1,0]],[0,[0,2]]]"#, "operations go in order, without cycles"),
        (r#"["m0",512]"#, r#"["m0",0]"#, "loop `m0` turns 0 times"),
        (r#"["m0",512]"#, r#"["m0",500]"#, "loop `m0` of 500 turns cannot run over"),
        (r#""flops":"#, r#""flops":-"#, "its flops are no count"),
        (r#""becomes":0"#, r#""becomes":1"#, "cannot take the place of input 1"),
        ("welkin.model-graph/1", "welkin.model-graph/9", "the file says it is `welkin.model-graph/9`"),
        (r#""ops":"#, r#""opps":"#, "unknown field `opps`"),
    ];
    for (from, to, expected) in cases {
        let said = said(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_it_was_cut() {
    let text = mlp();
    for at in (0..text.trim_end().len()).step_by(37) {
        assert!(Model::read(&text.as_bytes()[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_byte_that_was_flipped_never_panics() {
    let text = mlp().into_bytes();
    let cluster = Cluster::parse("2xT4").unwrap();
    let mut accepted = 0;
    for at in (0..text.len()).step_by(11) {
        let mut damaged = text.clone();
        damaged[at] ^= 1 << (at % 7);
        if let Ok(model) = Model::read(&damaged) {
            accepted += 1;
            drop(plan(&model, &cluster, Effort::default(), &mut |_| ()));
        }
    }
    assert!(accepted > 0, "names and counts can change to other ones");
}

#[test]
fn a_plan_is_refused_for_another_model_and_when_it_was_changed() {
    let model = Model::read(mlp().as_bytes()).unwrap();
    let made = plan(&model, &Cluster::parse("4xT4").unwrap(), Effort::default(), &mut |_| ()).unwrap();
    let bytes = made.write();
    assert_eq!(PlanFile::read(&bytes, &model.digest).unwrap(), made);
    let other = Model::read(mlp().replace("\"flops\":", "\"flops\":1").as_bytes()).unwrap();
    let refused = PlanFile::read(&bytes, &other.digest).expect_err("another model");
    assert!(refused.to_string().contains("made for a model with digest"), "{refused}");
    let text = String::from_utf8(bytes.clone()).unwrap();
    let edited = text.replacen("\"microbatches\": 1", "\"microbatches\": 2", 1);
    let refused = PlanFile::read(edited.as_bytes(), &model.digest).expect_err("edited");
    assert!(refused.to_string().contains("was changed"), "{refused}");
    assert!(PlanFile::read(&bytes[..bytes.len() / 2], &model.digest).is_err());
    assert!(PlanFile::read(b"{\"schema\": \"welkin.plan/1\"}", &model.digest).is_err());
}

type Spoil<'a> = &'a dyn Fn(&mut PlanFile);

fn program(plan: &mut PlanFile) -> &mut ProgramWire {
    plan.stages[0].program.as_mut().expect("plans of one mesh have a program")
}

#[test]
fn a_plan_that_leads_nowhere_is_refused_though_its_digest_is_right() {
    let model = Model::read(mlp().as_bytes()).unwrap();
    let made = plan(&model, &Cluster::parse("4xT4").unwrap(), Effort::default(), &mut |_| ()).unwrap();
    let nowhere = || MoveWire { operation: 0, value: 0, from: 0, steps: vec![(vec!["x".to_owned()], 0)] };
    assert!(PlanFile::read(&made.write(), &model.digest).is_ok());
    let spoilt: [(&str, Spoil); 16] = [
        ("between 1 and", &|plan| plan.cluster.hosts = 1 << 40),
        ("between 1 and", &|plan| plan.cluster.per_host = 0),
        ("at least", &|plan| plan.stages.clear()),
        ("at least", &|plan| plan.microbatches = 0),
        ("no such schedule", &|plan| plan.schedule = Some("backwards".to_owned())),
        ("no part of the cluster", &|plan| plan.stages[0].mesh[0] = u64::MAX),
        ("no part of the cluster", &|plan| plan.stages[0].mesh[0] = 0),
        ("no part of the cluster", &|plan| plan.stages[0].first_device = u64::MAX),
        ("no part of the cluster", &|plan| plan.stages[0].axes[0] = "z".to_owned()),
        ("the same device", &|plan| plan.stages.push(plan.stages[0].clone())),
        ("a layout, a value or an axis", &|plan| program(plan).values[0] = Some(99)),
        ("a layout, a value or an axis", &|plan| program(plan).layouts[0][0] = "12".to_owned()),
        ("a layout, a value or an axis", &|plan| program(plan).operations[0].2 = vec!["z".to_owned()]),
        ("a layout, a value or an axis", &|plan| {
            program(plan).moves.push(MoveWire { steps: Vec::new(), ..nowhere() });
        }),
        ("a layout, a value or an axis", &|plan| {
            program(plan).moves.push(MoveWire { value: 1 << 20, ..nowhere() });
        }),
        ("no part of the model", &|plan| {
            program(plan).part = Some(PartWire { operations: Vec::new(), values: Vec::new() });
        }),
    ];
    for (expected, spoil) in spoilt {
        let mut plan = made.clone();
        spoil(&mut plan);
        let refused = PlanFile::read(&plan.write(), &model.digest).expect_err(expected);
        assert!(refused.to_string().contains(expected), "{expected}: {refused}");
    }
}
