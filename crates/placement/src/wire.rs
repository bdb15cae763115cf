//! Plans as they lie in files and rows, whatever version wrote them.
//!
//! A plan says which schema it has, and each schema has a module that reads it. Its id is the digest of what was
//! written: of the document, without the id itself and without the blanks between its parts. So a plan
//! keeps its id when the program learns to say more, and a key that nobody knows is part of it too.
//!
//! *Rejected:* the digest of the domain type written again, which a new field changes for every plan there is.

mod document;
mod v1;

use crate::plan::{Plan, PlanError, SCHEMA};
use serde::{Deserialize, Serialize, Serializer};
use welkin_job::Secret;
use welkin_job::wire::Mirror;

#[derive(Deserialize)]
struct Header {
    schema: u32,
}

/// What was written, if it is what its id says.
pub(crate) fn read(bytes: &[u8]) -> Result<Plan, PlanError> {
    let header: Header = serde_json::from_slice(bytes).map_err(PlanError::Syntax)?;
    let plan = match header.schema {
        1 => serde_json::from_slice::<v1::Plan>(bytes).map_err(PlanError::Syntax)?.domain(),
        found => return Err(PlanError::Schema { found }),
    };
    let actual = document::digest(bytes).map_err(PlanError::Syntax)?;
    if actual == plan.id { Ok(plan) } else { Err(PlanError::Digest { stated: plan.id, actual }) }
}

/// The newest written form, under the id that it has.
pub(crate) fn write(plan: &Plan) -> String {
    let sealed = Plan { id: digest(plan), ..plan.clone() };
    serde_json::to_string_pretty(&form(&sealed)).expect(WRITTEN)
}

/// The id of a plan as this version writes it.
pub(crate) fn digest(plan: &Plan) -> String {
    let text = serde_json::to_vec(&form(plan)).expect(WRITTEN);
    document::digest(&text).expect("what was just written is a document")
}

/// Numbers, texts, lists and maps by text.
const WRITTEN: &str = "a plan holds nothing that JSON cannot say";

/// The newest form, without the values of secrets.
fn form(plan: &Plan) -> v1::Plan {
    let mut open = Plan { schema: SCHEMA, ..plan.clone() };
    let secrets = open.job.tasks.iter_mut().flat_map(|task| task.secrets.values_mut());
    secrets.for_each(|secret| *secret = Secret::new(String::new()));
    v1::Plan::of(&open)
}

/// As it is written to files.
impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        form(self).serialize(serializer)
    }
}
