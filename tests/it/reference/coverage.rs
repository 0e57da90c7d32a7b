//! What histories came by: a property that never meets what it is about proves nothing.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::operations::Operation;
use super::stage::Step;

/// How often something was met.
#[derive(Debug, Default)]
pub struct Coverage(Mutex<BTreeMap<&'static str, usize>>);

impl Coverage {
    /// Takes a step in.
    pub fn note(&self, step: &Step) {
        let (before, after) = (&step.before, &step.after);
        let has = |kind: &str| after.native.reasons.iter().any(|(_, reason)| reason.kind == kind);
        let ended = after.decisions.mirrors.values().any(|mirror| mirror.state.as_deref() == Some("ended"));
        let waiting = after.decisions.kept.iter().any(|(_, reason)| reason.kind == "rule");
        let vanished = step.operation.is_scim()
            && before.decisions.parked.keys().any(|key| !after.decisions.parked.contains_key(key));
        let met = [
            ("events", !step.news.is_empty()),
            ("manual origins", has("manual")),
            ("exclusions", has("exclude")),
            ("frozen origins", has("frozen")),
            ("held origins", has("held")),
            ("held origins that vanish", vanished),
            ("ended mirrors", ended),
            ("parked mirrors", after.decisions.mirrors.values().any(|m| m.state.as_deref() == Some("parked"))),
            ("adopted groups", after.decisions.mirrors.values().any(|m| m.state.as_deref() == Some("adopted"))),
            ("origins that wait", waiting),
            ("handed over", !step.done.handed_over.is_empty()),
            ("approvals", step.done.approved),
            ("damages", matches!(step.operation, Operation::Damage { .. }) && !step.news.is_empty()),
            ("removals", matches!(step.operation, Operation::RemoveDirectory { .. })),
            ("renames", renamed(step)),
            ("applied plans", step.done.plan == Some("applied")),
            ("stale plans", step.done.plan == Some("stale")),
            ("approved plans", step.done.plan == Some("approved")),
            ("rejected plans", step.done.plan == Some("rejected")),
        ];
        let mut counts = self.0.lock().expect("a lock");
        for (what, _) in met.into_iter().filter(|(_, met)| *met) {
            *counts.entry(what).or_default() += 1;
        }
    }

    /// Panics unless each of these was met.
    #[track_caller]
    pub fn expect(&self, all: &[&str]) {
        let counts = self.0.lock().expect("a lock");
        let missing: Vec<_> = all.iter().filter(|what| !counts.contains_key(**what)).collect();
        assert!(missing.is_empty(), "no history came by {missing:?}: {counts:?}");
    }
}

/// Whether a native group bears another name.
fn renamed(step: &Step) -> bool {
    step.before.groups.iter().any(|(id, name)| step.after.groups.get(id).is_some_and(|now| now != name))
}
