//! References between the operations of a bulk request (RFC 7644 section 3.7.2).
//!
//! `bulkId:x` stands for the id of what the POST with that `bulkId` creates. It may be used before that
//! POST, and POSTs may refer to each other. Operations run in the order they were sent, except that one
//! waits for what it refers to. In a circle, one POST runs without the references that cannot be known
//! yet, and gets them by a PATCH as soon as they are.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use serde_json::{Map, Value, json};

use super::request::{Method, Operation, Subject};
use super::{Entry, PREFIX};
use crate::scim::error::ScimError;
use crate::scim::resource::is_urn;

/// The URN of the body of a PATCH.
const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The ids of what was created, by `bulkId`.
pub type Ids = BTreeMap<String, String>;

/// One step of running a bulk request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Run the operation at `index`. If `deferred` is not empty, take these references out of its data
    /// with [`defer`] and keep the PATCH body that this gives.
    Run {
        /// The place in the request.
        index: usize,
        /// The `bulkId`s that cannot be known yet.
        deferred: BTreeSet<String>,
    },
    /// All that the operation at `index` left out is known now: send it the kept PATCH body.
    Complete {
        /// The place in the request.
        index: usize,
    },
}

/// The `bulkId`s that a value refers to.
pub fn references(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(text.strip_prefix(PREFIX).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(parts) => parts.values().for_each(|part| collect(part, found)),
        _ => {}
    }
}

/// Puts ids in the place of references. A `bulkId` without an id is a 409: what it refers to was not
/// created, or is not in the request.
pub fn substitute(value: &mut Value, ids: &Ids) -> Result<(), ScimError> {
    match value {
        Value::String(text) => {
            if let Some(bulk_id) = text.strip_prefix(PREFIX) {
                *text = resolve(bulk_id, ids)?.to_owned();
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| substitute(item, ids)),
        Value::Object(parts) => parts.values_mut().try_for_each(|part| substitute(part, ids)),
        _ => Ok(()),
    }
}

fn resolve<'i>(bulk_id: &str, ids: &'i Ids) -> Result<&'i str, ScimError> {
    ids.get(bulk_id).map(String::as_str).ok_or_else(|| {
        let bulk_id: String = bulk_id.chars().take(100).collect();
        let detail = format!(
            "bulkId {bulk_id:?} cannot be resolved: no operation of the request created a resource under it; \
             see the other operations' errors"
        );
        ScimError::status(409, detail)
    })
}

impl Subject {
    /// The id of the resource, once what it refers to is created.
    pub fn resolve<'s>(&'s self, ids: &'s Ids) -> Result<&'s str, ScimError> {
        match self {
            Subject::Id(id) => Ok(id),
            Subject::BulkId(bulk_id) => resolve(bulk_id, ids),
        }
    }
}

/// Takes the values that refer to `deferred` out of the data of a POST. Gives the body of the PATCH that
/// adds them later, still with references in it; `None` if nothing referred to them.
pub fn defer(data: &mut Value, deferred: &BTreeSet<String>) -> Option<Value> {
    let mut operations = Vec::new();
    if let Value::Object(data) = data {
        take_out("", data, deferred, &mut operations);
    }
    (!operations.is_empty()).then(|| json!({"schemas": [PATCH_URN], "Operations": operations}))
}

/// Takes out of the attributes under `prefix`: of arrays the elements concerned, otherwise the whole value.
fn take_out(
    prefix: &str,
    attributes: &mut Map<String, Value>,
    deferred: &BTreeSet<String>,
    operations: &mut Vec<Value>,
) {
    let concerned = |value: &Value| !references(value).is_disjoint(deferred);
    let names: Vec<String> = attributes.keys().cloned().collect();
    for name in names {
        let Some(value) = attributes.get_mut(&name) else { continue };
        let path = format!("{prefix}{name}");
        match value {
            Value::Object(extension) if is_urn(&name) => {
                take_out(&format!("{name}:"), extension, deferred, operations);
            }
            Value::Array(items) => {
                let (later, now): (Vec<Value>, Vec<Value>) = std::mem::take(items).into_iter().partition(concerned);
                *items = now;
                if !later.is_empty() {
                    operations.push(json!({"op": "add", "path": path, "value": later}));
                }
            }
            value if concerned(value) => {
                operations.push(json!({"op": "add", "path": path, "value": value.take()}));
                attributes.remove(&name);
            }
            _ => {}
        }
    }
}

/// The order in which the operations of a request run: every one of them exactly once, and each circular
/// reference completed as soon as it can be.
///
/// Faulty operations have a step too, so that their errors count where they stand. References to what no
/// operation creates do not make anything wait; [`substitute`] reports them.
pub fn plan(entries: &[Entry]) -> Vec<Step> {
    let mut planner = Planner::new(entries);
    while planner.steps_left > 0 {
        match planner.ready.pop() {
            Some(Reverse(index)) => planner.run(index, BTreeSet::new()),
            None => planner.break_circle(),
        }
    }
    planner.steps
}

struct Planner<'e> {
    /// Per operation: the operations that it still waits for.
    waits_for: Vec<BTreeSet<usize>>,
    /// Per operation: those that refer to it.
    awaited_by: Vec<Vec<usize>>,
    /// Per operation: the `bulkId` under which others refer to it.
    bulk_ids: Vec<Option<&'e str>>,
    done: Vec<bool>,
    /// The operations that wait for nothing, the first sent on top.
    ready: BinaryHeap<Reverse<usize>>,
    /// Operations that ran without some references: those they still lack.
    lacking: Vec<(usize, BTreeSet<usize>)>,
    /// What may lie on a circle, first sent first; found once, when nothing else is ready.
    circular: Option<Vec<usize>>,
    steps: Vec<Step>,
    steps_left: usize,
}

impl<'e> Planner<'e> {
    fn new(entries: &'e [Entry]) -> Self {
        let posts: HashMap<&str, usize> =
            entries.iter().enumerate().filter_map(|(i, e)| Some((created(e)?, i))).collect();
        let mut awaited_by = vec![Vec::new(); entries.len()];
        let mut waits_for = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let needed = entry.operation.as_ref().map(needs).unwrap_or_default();
            let needed: BTreeSet<usize> =
                needed.iter().filter_map(|bulk_id| posts.get(bulk_id.as_str()).copied()).collect();
            for &other in &needed {
                awaited_by[other].push(index);
            }
            waits_for.push(needed);
        }
        let ready = (0..entries.len()).filter(|&index| waits_for[index].is_empty()).map(Reverse).collect();
        Planner {
            waits_for,
            awaited_by,
            bulk_ids: entries.iter().map(created).collect(),
            done: vec![false; entries.len()],
            ready,
            lacking: Vec::new(),
            circular: None,
            steps: Vec::new(),
            steps_left: entries.len(),
        }
    }

    /// Runs an operation, which makes others ready and may complete some.
    fn run(&mut self, index: usize, deferred: BTreeSet<String>) {
        self.done[index] = true;
        self.steps_left -= 1;
        self.steps.push(Step::Run { index, deferred });
        for &other in &self.awaited_by[index] {
            self.waits_for[other].remove(&index);
            if self.waits_for[other].is_empty() && !self.done[other] {
                self.ready.push(Reverse(other));
            }
        }
        for (lacking, others) in &mut self.lacking {
            if others.remove(&index) && others.is_empty() {
                self.steps.push(Step::Complete { index: *lacking });
            }
        }
        self.lacking.retain(|(_, others)| !others.is_empty());
    }

    /// Runs the first POST of a circle without the references that it still waits for.
    fn break_circle(&mut self) {
        if self.circular.is_none() {
            self.circular = Some(self.on_circles());
        }
        let circular = self.circular.iter().flatten().copied().find(|&index| !self.done[index]);
        // What is on a circle is awaited, and only POSTs are.
        let Some(index) = circular else {
            self.run_the_rest();
            return;
        };
        let missing = std::mem::take(&mut self.waits_for[index]);
        let deferred = missing.iter().filter_map(|&other| self.bulk_ids[other]).map(str::to_owned).collect();
        self.lacking.push((index, missing));
        self.run(index, deferred);
    }

    /// Cannot happen: without a circle something is always ready. Rather a step too early than none.
    fn run_the_rest(&mut self) {
        for index in 0..self.done.len() {
            if !self.done[index] {
                self.run(index, BTreeSet::new());
            }
        }
    }

    /// The waiting operations that lie on a circle or between two of them: those that are left when all
    /// that nobody waits for is taken away, again and again.
    fn on_circles(&self) -> Vec<usize> {
        let mut left: Vec<bool> = self.done.iter().map(|done| !done).collect();
        let mut awaiting: Vec<usize> =
            self.awaited_by.iter().map(|others| others.iter().filter(|&&other| left[other]).count()).collect();
        let mut leaves: Vec<usize> = (0..left.len()).filter(|&index| left[index] && awaiting[index] == 0).collect();
        while let Some(leaf) = leaves.pop() {
            left[leaf] = false;
            for &other in &self.waits_for[leaf] {
                awaiting[other] -= 1;
                if awaiting[other] == 0 {
                    leaves.push(other);
                }
            }
        }
        (0..left.len()).filter(|&index| left[index]).collect()
    }
}

/// The `bulkId` under which an operation creates something.
fn created(entry: &Entry) -> Option<&str> {
    let operation = entry.operation.as_ref().ok()?;
    if operation.method == Method::Post { entry.bulk_id.as_deref() } else { None }
}

/// The `bulkId`s in the data and the path of an operation.
fn needs(operation: &Operation) -> BTreeSet<String> {
    let mut needed = references(&operation.data);
    if let Some(Subject::BulkId(bulk_id)) = &operation.target.subject {
        needed.insert(bulk_id.clone());
    }
    needed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{REQUEST_URN, Request, request::Limits};
    use super::*;
    use crate::scim::schema::{Catalogue, ENTERPRISE_URN};

    /// A POST of a group under a `bulkId`, with the given members.
    fn group(bulk_id: &str, members: &[&str]) -> Value {
        let members: Vec<Value> = members.iter().map(|member| json!({"value": format!("bulkId:{member}")})).collect();
        json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": {"members": members}})
    }

    #[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
    fn planned(operations: Vec<Value>) -> Vec<Step> {
        let limits = Limits { max_operations: 1_000, max_payload_size: 1 };
        let body = json!({"schemas": [REQUEST_URN], "Operations": operations});
        plan(&Request::parse(body, &Catalogue::built_in(), &limits).expect("it is well-formed").entries)
    }

    fn run(index: usize) -> Step {
        without(index, &[])
    }

    fn without(index: usize, deferred: &[&str]) -> Step {
        Step::Run { index, deferred: deferred.iter().map(|&bulk_id| bulk_id.to_owned()).collect() }
    }

    #[test]
    fn operations_keep_their_order_unless_one_waits_for_another() {
        let delete = json!({"method": "DELETE", "path": "/Users/1"});
        assert_eq!(planned(vec![group("a", &[]), group("b", &["a"]), delete.clone()]), [run(0), run(1), run(2)]);
        assert_eq!(planned(vec![group("a", &["b"]), delete, group("b", &[])]), [run(1), run(2), run(0)]);
    }

    #[test]
    fn a_reference_in_a_path_is_waited_for() {
        let patch = json!({"method": "PATCH", "path": "/Groups/bulkId:a", "data": {}});
        assert_eq!(planned(vec![patch, group("a", &[])]), [run(1), run(0)]);
    }

    #[test]
    fn a_circle_is_broken_at_its_first_post_and_completed_at_once() {
        assert_eq!(
            planned(vec![group("a", &["b"]), group("b", &["a"]), group("c", &[])]),
            [run(2), without(0, &["b"]), run(1), Step::Complete { index: 0 }]
        );
        assert_eq!(planned(vec![group("a", &["a"])]), [without(0, &["a"]), Step::Complete { index: 0 }]);
    }

    #[test]
    fn what_only_depends_on_a_circle_waits_for_it() {
        assert_eq!(
            planned(vec![group("x", &["a"]), group("a", &["b"]), group("b", &["a"])]),
            [without(1, &["b"]), run(0), run(2), Step::Complete { index: 1 }]
        );
    }

    #[test]
    fn what_no_operation_creates_is_not_waited_for_but_refused() {
        assert_eq!(planned(vec![group("a", &["nothing"]), json!(7)]), [run(0), run(1)]);
        let mut data = json!({"members": [{"value": "bulkId:nothing"}]});
        assert_eq!(substitute(&mut data, &Ids::new()).expect_err("it is unknown").status, 409);
    }

    #[test]
    fn references_become_ids_wherever_they_are() {
        let ids = Ids::from([("a".to_owned(), "1".to_owned())]);
        let mut data = json!({"members": [{"value": "bulkId:a"}, "bulkId:a"], "displayName": "about bulkId:a", "n": 1});
        assert_eq!(references(&data), BTreeSet::from(["a".to_owned()]));
        assert_eq!(substitute(&mut data, &ids), Ok(()));
        assert_eq!(data, json!({"members": [{"value": "1"}, "1"], "displayName": "about bulkId:a", "n": 1}));
        assert_eq!(Subject::BulkId("a".to_owned()).resolve(&ids), Ok("1"));
        assert!(Subject::BulkId("b".to_owned()).resolve(&ids).is_err());
    }

    #[test]
    fn what_is_deferred_is_added_by_a_patch() {
        let mut data = json!({
            "displayName": "Eng",
            "members": [{"value": "1"}, {"value": "bulkId:a"}, {"value": "bulkId:b"}],
            ENTERPRISE_URN: {"department": "Ops", "manager": {"value": "bulkId:a"}},
        });
        let patch = defer(&mut data, &BTreeSet::from(["a".to_owned()]));
        assert_eq!(
            data,
            json!({
                "displayName": "Eng",
                "members": [{"value": "1"}, {"value": "bulkId:b"}],
                ENTERPRISE_URN: {"department": "Ops"},
            })
        );
        assert_eq!(
            patch,
            Some(json!({"schemas": [PATCH_URN], "Operations": [
                {"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]},
                {"op": "add", "path": format!("{ENTERPRISE_URN}:manager"), "value": {"value": "bulkId:a"}},
            ]}))
        );
        assert_eq!(defer(&mut json!({"members": [{"value": "bulkId:b"}]}), &BTreeSet::from(["a".to_owned()])), None);
    }

    proptest! {
        #[test]
        fn every_operation_runs_once_and_knows_what_it_refers_to(
            edges in prop::collection::vec(prop::collection::btree_set(0..12_usize, 0..4), 1..12),
        ) {
            let name = |index: &usize| format!("g{index}");
            let operations: Vec<Value> = edges.iter().enumerate().map(|(index, members)| {
                let members: Vec<String> = members.iter().map(name).collect();
                group(&name(&index), &members.iter().map(String::as_str).collect::<Vec<_>>())
            }).collect();
            let mut known = BTreeSet::new();
            let mut lacking: HashMap<usize, BTreeSet<String>> = HashMap::new();
            for step in planned(operations) {
                match step {
                    Step::Run { index, deferred } => {
                        let needed = edges[index].iter().filter(|&&other| other < edges.len()).map(name);
                        for other in needed {
                            prop_assert!(known.contains(&other) != deferred.contains(&other), "{other} for {index}");
                        }
                        prop_assert!(known.insert(name(&index)), "{index} runs twice");
                        if !deferred.is_empty() {
                            lacking.insert(index, deferred);
                        }
                    }
                    Step::Complete { index } => {
                        let others = lacking.remove(&index).expect("it lacks something");
                        prop_assert!(others.is_subset(&known));
                    }
                }
            }
            prop_assert_eq!(known.len(), edges.len());
            prop_assert!(lacking.is_empty());
        }
    }
}
