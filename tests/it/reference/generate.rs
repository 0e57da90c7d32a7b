//! Histories by chance: what the operations of `operations` are made up of, and how often each happens.

use muster::domain::rule::{OnCollision, OnDelete, RuleState};
use proptest::prelude::*;

use super::operations::{
    ActionSpec, CAPTURES, ChangeSpec, EXCEPTIONS, GROUP_FILTERS, GROUP_NAMES, Gift, NATIVE_NAMES, Operation,
    PersonSpec, ROLES, Reference, RuleSpec, TEMPLATES, TITLES, USER_FILTERS, USER_NAMES, USER_TYPES,
};

/// People of any kind.
pub fn person() -> impl Strategy<Value = PersonSpec> {
    (
        0..USER_NAMES.len(),
        0..2_usize,
        proptest::option::weighted(0.85, 0..4_usize),
        prop_oneof![2 => Just(None), 5 => Just(Some(true)), 2 => Just(Some(false))],
        proptest::option::of(0..TITLES.len()),
        proptest::option::of(0..USER_TYPES.len()),
        proptest::option::weighted(0.7, 0..5_usize),
    )
        .prop_map(|(name, given, email, active, title, user_type, external)| PersonSpec {
            name,
            given,
            email,
            active,
            title,
            user_type,
            external,
        })
}

fn references() -> impl Strategy<Value = Vec<Reference>> {
    let one = prop_oneof![
        8 => (0..8_usize).prop_map(Reference::User),
        5 => (0..6_usize).prop_map(Reference::Group),
        4 => (0..5_usize).prop_map(Reference::External),
        1 => (0..8_usize).prop_map(Reference::Elsewhere),
    ];
    proptest::collection::vec(one, 0..5)
}

fn on_collision() -> impl Strategy<Value = OnCollision> {
    prop_oneof![Just(OnCollision::Park), Just(OnCollision::Suffix), Just(OnCollision::Adopt)]
}

fn on_delete() -> impl Strategy<Value = OnDelete> {
    prop_oneof![2 => Just(OnDelete::Delete), 1 => Just(OnDelete::Keep)]
}

fn action() -> impl Strategy<Value = ActionSpec> {
    let mirror = (proptest::option::of(0..TEMPLATES.len()), on_collision(), on_delete());
    prop_oneof![
        1 => Just(ActionSpec::Ensure),
        5 => mirror.prop_map(|(name, on_collision, on_delete)| ActionSpec::Mirror { name, on_collision, on_delete }),
        2 => (0..6_usize).prop_map(ActionSpec::Into),
        2 => (0..ROLES.len()).prop_map(ActionSpec::Grant),
        2 => (proptest::option::of(0..6_usize), proptest::option::of(0..ROLES.len()))
            .prop_map(|(group, role)| ActionSpec::Exclude { group, role }),
    ]
}

fn rule() -> impl Strategy<Value = RuleSpec> {
    (
        proptest::option::weighted(0.3, any::<bool>()),
        0..4_i64,
        proptest::bool::weighted(0.1),
        proptest::option::weighted(0.8, prop_oneof![2 => Just(2_usize), 3 => 0..GROUP_FILTERS.len()]),
        proptest::option::weighted(0.1, 0..6_usize),
        proptest::option::weighted(0.25, 0..CAPTURES.len()),
        proptest::option::weighted(0.3, 0..USER_FILTERS.len()),
        proptest::option::weighted(0.15, 0..EXCEPTIONS.len()),
        proptest::collection::vec(action(), 1..3),
    )
        .prop_map(|(directory, position, draft, group, pinned, capture, user, except, then)| RuleSpec {
            directory,
            position,
            draft,
            group,
            pinned,
            capture,
            user,
            except,
            then,
        })
}

/// Rules whose outcome is no matter of who came first: the first alone mirrors, under the groups' own names,
/// and native groups are the first two that there are. Their positions tell them apart.
pub fn peaceful_rules() -> impl Strategy<Value = Vec<RuleSpec>> {
    let disarm = |(at, mut rule): (usize, RuleSpec)| {
        rule.position = i64::try_from(at).expect("a few rules");
        rule.pinned = None;
        rule.then.retain(|action| !matches!(action, ActionSpec::Mirror { .. }));
        for action in &mut rule.then {
            match action {
                ActionSpec::Into(at) | ActionSpec::Exclude { group: Some(at), .. } => *at %= 2,
                _ => {}
            }
        }
        if at == 0 {
            let (on_collision, on_delete) = (OnCollision::Park, OnDelete::Delete);
            rule.then.push(ActionSpec::Mirror { name: None, on_collision, on_delete });
        }
        rule
    };
    let all = move |rules: Vec<RuleSpec>| rules.into_iter().enumerate().map(disarm).collect();
    proptest::collection::vec(rule(), 1..5).prop_map(all)
}

/// What histories are mostly about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Facts and rules.
    Facts,
    /// Everything that makes an engine trustworthy: freezes, guards, pauses, removals, damages.
    Trust,
    /// Plans.
    Plans,
    /// Renames.
    Names,
}

fn facts() -> impl Strategy<Value = Operation> {
    let at = || 0..8_usize;
    let external = || proptest::option::of(0..5_usize);
    let name = || 0..GROUP_NAMES.len();
    let gift = prop_oneof![Just(Gift::Membership), at().prop_map(Gift::Group), (0..2_usize).prop_map(Gift::Role)];
    prop_oneof![
        9 => (second(), person()).prop_map(|(second, person)| Operation::CreateUser { second, person }),
        6 => (at(), person()).prop_map(|(user, person)| Operation::ReplaceUser { user, person }),
        3 => at().prop_map(|user| Operation::DeleteUser { user }),
        8 => (second(), name(), external(), references())
            .prop_map(|(second, name, external, members)| Operation::CreateGroup { second, name, external, members }),
        6 => (at(), name(), external(), proptest::option::of(references()))
            .prop_map(|(group, name, external, members)| Operation::ReplaceGroup { group, name, external, members }),
        6 => (at(), references(), references())
            .prop_map(|(group, add, remove)| Operation::PatchMembers { group, add, remove }),
        3 => at().prop_map(|group| Operation::DeleteGroup { group }),
        8 => (rule(), proptest::bool::weighted(0.85)).prop_map(|(rule, apply)| Operation::CreateRule { rule, apply }),
        4 => (at(), rule(), proptest::bool::weighted(0.7))
            .prop_map(|(rule, to, apply)| Operation::UpdateRule { rule, to, apply }),
        4 => (at(), rule()).prop_map(|(rule, to)| Operation::RetargetRule { rule, to }),
        2 => at().prop_map(|rule| Operation::ApplyRule { rule }),
        2 => (at(), any::<bool>()).prop_map(|(rule, hand_over)| Operation::DeleteRule { rule, hand_over }),
        3 => (0..NATIVE_NAMES.len()).prop_map(|name| Operation::CreateNativeGroup { name }),
        2 => (at(), gift).prop_map(|(membership, what)| Operation::GiveByHand { membership, what }),
        1 => at().prop_map(|gift| Operation::TakeByHand { gift }),
        1 => at().prop_map(|membership| Operation::Deactivate { membership }),
    ]
}

fn trust() -> impl Strategy<Value = Operation> {
    let at = || 0..8_usize;
    prop_oneof![
        5 => (at(), proptest::bool::weighted(0.65)).prop_map(|(rule, frozen)| Operation::Freeze { rule, frozen }),
        4 => (second(), proptest::bool::weighted(0.85)).prop_map(|(second, tiny)| Operation::Guard { second, tiny }),
        4 => (proptest::bool::weighted(0.7), proptest::option::of(at()))
            .prop_map(|(approve, only)| Operation::Decide { approve, only }),
        2 => second().prop_map(|second| Operation::Pause { second }),
        3 => second().prop_map(|second| Operation::Resume { second }),
        1 => (any::<bool>(), any::<bool>())
            .prop_map(|(second, hand_over)| Operation::RemoveDirectory { second, hand_over }),
        1 => Just(Operation::Reconcile),
        2 => (0..5_usize, at()).prop_map(|(what, at)| Operation::Damage { what, at }),
    ]
}

fn change() -> impl Strategy<Value = ChangeSpec> {
    let at = || 0..8_usize;
    let state = prop_oneof![Just(RuleState::Active), Just(RuleState::Frozen), Just(RuleState::Draft)];
    prop_oneof![
        6 => rule().prop_map(ChangeSpec::Save),
        5 => (at(), rule()).prop_map(|(rule, to)| ChangeSpec::Edit { rule, to }),
        1 => at().prop_map(|rule| ChangeSpec::Apply { rule }),
        3 => (at(), state).prop_map(|(rule, state)| ChangeSpec::State { rule, state }),
        3 => (at(), any::<bool>()).prop_map(|(rule, hand_over)| ChangeSpec::Delete { rule, hand_over }),
        1 => at().prop_map(|first| ChangeSpec::Reorder { first }),
        1 => any::<bool>().prop_map(|second| ChangeSpec::Resume { second }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(second, hand_over)| ChangeSpec::Remove { second, hand_over }),
        1 => Just(ChangeSpec::Reconcile),
    ]
}

fn plan() -> impl Strategy<Value = Operation> {
    let meanwhile = proptest::option::weighted(0.3, facts().prop_map(Box::new));
    (proptest::collection::vec(change(), 1..4), meanwhile, proptest::bool::weighted(0.7))
        .prop_map(|(changes, meanwhile, approve)| Operation::Plan { changes, meanwhile, approve })
}

fn rename() -> impl Strategy<Value = Operation> {
    let group = (0..8_usize, 0..GROUP_NAMES.len(), proptest::option::of(0..5_usize));
    prop_oneof![
        3 => group.prop_map(|(group, name, external)| Operation::ReplaceGroup { group, name, external, members: None }),
        1 => (0..8_usize, person()).prop_map(|(user, person)| Operation::ReplaceUser { user, person }),
    ]
}

/// What can happen, by theme.
fn operation(theme: Theme) -> BoxedStrategy<Operation> {
    match theme {
        Theme::Facts => prop_oneof![8 => facts(), 1 => trust(), 1 => plan()].boxed(),
        Theme::Trust => prop_oneof![3 => facts(), 1 => departure(), 3 => trust()].boxed(),
        Theme::Plans => prop_oneof![3 => facts(), 1 => trust(), 4 => plan()].boxed(),
        Theme::Names => prop_oneof![3 => facts(), 1 => trust(), 4 => rename()].boxed(),
    }
}

/// Somebody of the opening leaves their group, or the directory.
fn departure() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (0..3_usize).prop_map(|user| Operation::PatchMembers {
            group: 0,
            add: Vec::new(),
            remove: vec![Reference::User(user)],
        }),
        1 => (0..3_usize).prop_map(|user| Operation::DeleteUser { user }),
        1 => Just(Operation::DeleteGroup { group: 0 }),
    ]
}

/// Three people in a mirrored group: what there is to lose. With `before`, a group of the mirror's name is there.
fn opening(on_collision: OnCollision, on_delete: OnDelete, before: bool) -> Vec<Operation> {
    let person = |name| PersonSpec {
        name,
        given: 0,
        email: Some(name),
        active: Some(true),
        title: None,
        user_type: None,
        external: Some(name),
    };
    let mut opening = if before { vec![Operation::CreateNativeGroup { name: 3 }] } else { Vec::new() };
    opening.extend((0..3).map(|name| Operation::CreateUser { second: false, person: person(name) }));
    let mirror = ActionSpec::Mirror { name: None, on_collision, on_delete };
    let rule = RuleSpec {
        directory: None,
        position: 0,
        draft: false,
        group: Some(2),
        pinned: None,
        capture: None,
        user: None,
        except: None,
        then: vec![mirror],
    };
    opening.push(Operation::CreateRule { rule, apply: true });
    let members = (0..3).map(Reference::User).collect();
    opening.push(Operation::CreateGroup { second: false, name: 0, external: None, members });
    opening
}

/// A few people, rules and groups to begin with, then up to `length` operations.
pub fn history(theme: Theme, length: usize) -> impl Strategy<Value = Vec<Operation>> {
    let people = proptest::collection::vec((second(), person()), 0..5)
        .prop_map(|people| people.into_iter().map(|(second, person)| Operation::CreateUser { second, person }));
    let group = (second(), 0..GROUP_NAMES.len(), references());
    let groups = proptest::collection::vec(group, 0..4).prop_map(|groups| {
        let create = |(second, name, members)| Operation::CreateGroup { second, name, external: None, members };
        groups.into_iter().map(create)
    });
    let rules = proptest::collection::vec(rule(), 0..3)
        .prop_map(|rules| rules.into_iter().map(|rule| Operation::CreateRule { rule, apply: true }));
    let rest = proptest::collection::vec(operation(theme), 1..=length);
    let guards = proptest::collection::vec(Just(()), 0..3).prop_map(move |guards| {
        let tiny = guards.into_iter().zip([false, true]).map(|((), second)| Operation::Guard { second, tiny: true });
        tiny.filter(move |_| matches!(theme, Theme::Trust | Theme::Plans))
    });
    let opens = match theme {
        Theme::Trust => 0.6,
        Theme::Plans => 0.4,
        Theme::Facts | Theme::Names => 0.2,
    };
    let opening = (on_collision(), on_delete(), proptest::bool::weighted(0.3))
        .prop_map(|(on_collision, on_delete, before)| opening(on_collision, on_delete, before));
    let opening = proptest::option::weighted(opens, opening);
    (opening, people, rules, groups, guards, rest).prop_map(|(opening, people, rules, groups, guards, rest)| {
        opening
            .unwrap_or_default()
            .into_iter()
            .chain(people)
            .chain(rules)
            .chain(groups)
            .chain(guards)
            .chain(rest)
            .collect()
    })
}

/// Most of what happens is in the first directory.
fn second() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.3)
}
