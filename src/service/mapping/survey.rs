//! The survey: what would change if native state were computed anew, under the rules in force or supposed ones.
//!
//! It reads and never writes, so it stalls nobody: it runs on a snapshot. Plans are its effects under other rules,
//! verifications its effects under the ones in force, of which there should be none.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::narrate::{Narrator, Shift};
use super::prospect;
use crate::domain::assertion::Prospect;
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, UserId};
use crate::domain::link::Method;
use crate::domain::origin::{Ending, Kind, Origin, Standing};
use crate::domain::plan::Effect;
use crate::domain::policy::Rest;
use crate::domain::{Id, Result};
use crate::scim::text::fold;
use crate::service::converge::assess::{Assessed, assess};
use crate::service::converge::bind;
use crate::service::converge::draft::Draft;
use crate::service::converge::{Ground, climb, find_losses, people};
use crate::store::bindings::StoredBinding;
use crate::store::links::{self, Link};
use crate::store::memberships::StoredMembership;
use crate::store::origins::{self, Giver, Placed};
use crate::store::{Tx, bindings, edges, groups, memberships};

/// How many people are looked at at a time.
const CHUNK: usize = 500;

/// A survey under way.
pub(crate) struct Survey {
    ground: Ground,
    now: DateTime<Utc>,
    draft: Draft,
    narrator: Narrator,
    people: Vec<DirectoryUserId>,
    next: usize,
    seen: HashSet<MembershipId>,
    /// What is stored and what should be, added up: the same exactly if they are.
    sums: (u128, u128),
    /// Who loses the last reason for something, by the directory that takes it away.
    pub(crate) losers: BTreeMap<DirectoryId, BTreeSet<MembershipId>>,
}

impl Survey {
    /// Begins with the groups. Answers the effects on native groups.
    ///
    /// With `strict`, differences in reasons are effects too, and not only differences in what people have.
    /// `people` are looked at whatever becomes of their groups; those of groups whose bindings change are added.
    pub(crate) async fn begin(
        tx: &mut Tx,
        ground: Ground,
        now: DateTime<Utc>,
        groups: BTreeSet<DirectoryGroupId>,
        mut people: BTreeSet<DirectoryUserId>,
        strict: bool,
    ) -> Result<(Self, Vec<Effect>)> {
        let mut draft = Draft::default();
        let (changed, kept) = draft_groups(tx, &ground, &mut draft, groups, now).await?;
        people.extend(edges::people_of(tx, ground.organization, changed).await?);
        let narrator = Narrator::new(tx, &ground, strict).await?;
        let effects = narrator.groups(tx, &ground, &draft, &kept).await?;
        let people = people.into_iter().collect();
        Ok((Survey::new((ground, now), draft, narrator, people), effects))
    }

    /// A survey of nobody but whom [`Survey::prospects`] is asked about; `groups` are drafted as for all.
    pub(crate) async fn of_nobody(
        tx: &mut Tx,
        ground: Ground,
        now: DateTime<Utc>,
        groups: BTreeSet<DirectoryGroupId>,
    ) -> Result<Self> {
        let mut draft = Draft::default();
        draft_groups(tx, &ground, &mut draft, groups, now).await?;
        let narrator = Narrator::new(tx, &ground, false).await?;
        Ok(Survey::new((ground, now), draft, narrator, Vec::new()))
    }

    fn new(
        (ground, now): (Ground, DateTime<Utc>),
        draft: Draft,
        narrator: Narrator,
        people: Vec<DirectoryUserId>,
    ) -> Self {
        Survey {
            ground,
            now,
            draft,
            narrator,
            people,
            next: 0,
            seen: HashSet::new(),
            sums: (0, 0),
            losers: BTreeMap::new(),
        }
    }

    /// What these people would have, by name. Whoever would have no membership is left out.
    pub(crate) async fn prospects(
        &mut self,
        tx: &mut Tx,
        ids: &[DirectoryUserId],
    ) -> Result<HashMap<DirectoryUserId, Prospect>> {
        let (mut whose, mut shifts) = (HashMap::new(), HashMap::new());
        for some in ids.chunks(CHUNK) {
            let looked = self.shifts_of_people(tx, some).await?;
            // Those of paused directories are not recomputed: they have what they have.
            whose.extend(looked.found.waiting);
            whose.extend(looked.holders);
            shifts.extend(looked.shifts.into_iter().map(|shift| (shift.membership, shift)));
        }
        let named = shifts.values().flat_map(Shift::groups_named).collect::<BTreeSet<_>>();
        let groups = groups::by_ids(tx, self.ground.organization, named).await?;
        let name = |id: GroupId| match self.draft.drafted(id) {
            Some(drafted) => drafted.group.name.clone(),
            None => groups.get(&id).map_or_else(|| id.to_string(), |group| group.name.clone()),
        };
        let told = |(person, membership): (DirectoryUserId, MembershipId)| {
            let shift = shifts.get(&membership)?;
            Some((person, prospect::of(shift, &self.ground, &self.narrator, name)))
        };
        let asked: BTreeSet<DirectoryUserId> = ids.iter().copied().collect();
        Ok(whose.into_iter().filter(|(person, _)| asked.contains(person)).filter_map(told).collect())
    }

    /// How many people there are to look at.
    pub(crate) fn total(&self) -> usize {
        self.people.len()
    }

    /// How many of them were looked at.
    pub(crate) fn looked_at(&self) -> usize {
        self.next
    }

    /// The checksums of what is stored, and of what should be.
    pub(crate) fn checksums(&self) -> (String, String) {
        (format!("{:032x}", self.sums.0), format!("{:032x}", self.sums.1))
    }

    /// The effects on those of these memberships that no person who was looked at has.
    pub(crate) async fn memberships(&mut self, tx: &mut Tx, ids: Vec<MembershipId>) -> Result<Vec<Effect>> {
        let organization = self.ground.organization;
        let ids: BTreeSet<MembershipId> = ids.into_iter().filter(|id| self.seen.insert(*id)).collect();
        let rows = links::of_memberships(tx, organization, ids.iter().copied()).await?;
        let stored = origins::of_memberships(tx, organization, ids.iter().copied()).await?;
        let found = Assessed { stored, ..Assessed::default() };
        let none = BTreeSet::new();
        let shifts = self.shifts(tx, &found, (&none, &none), &rows, ids, &BTreeMap::new()).await?;
        self.add_up(&shifts);
        self.narrator.people(tx, &self.ground, &self.draft, &found, shifts).await
    }

    fn add_up(&mut self, shifts: &[Shift]) {
        for shift in shifts {
            let (stored, desired) = shift.hashes();
            self.sums.0 = self.sums.0.wrapping_add(stored);
            self.sums.1 = self.sums.1.wrapping_add(desired);
        }
    }

    /// The effects on the next people; `None` when all were looked at.
    pub(crate) async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<Effect>>> {
        if self.next >= self.people.len() {
            return Ok(None);
        }
        let end = (self.next + CHUNK).min(self.people.len());
        let ids: Vec<DirectoryUserId> = self.people[self.next..end].to_vec();
        self.next = end;
        self.look_at(tx, &ids).await.map(Some)
    }

    /// The effects on these people, and on whoever shares a membership with them.
    async fn look_at(&mut self, tx: &mut Tx, ids: &[DirectoryUserId]) -> Result<Vec<Effect>> {
        let Looked { found, shifts, .. } = self.shifts_of_people(tx, ids).await?;
        self.add_up(&shifts);
        self.narrator.people(tx, &self.ground, &self.draft, &found, shifts).await
    }

    async fn shifts_of_people(&mut self, tx: &mut Tx, ids: &[DirectoryUserId]) -> Result<Looked> {
        let organization = self.ground.organization;
        let own = links::of_users(tx, organization, ids.iter().copied()).await?;
        let theirs: BTreeSet<MembershipId> = own.values().filter_map(|link| link.membership_id).collect();
        let mut rows = links::of_memberships(tx, organization, theirs).await?;
        let everybody: BTreeSet<DirectoryUserId> =
            ids.iter().copied().chain(rows.iter().map(|link| link.directory_user_id)).collect();
        let everybody: Vec<DirectoryUserId> = everybody.into_iter().collect();
        let mut found = assess(tx, &self.ground, &self.draft, &everybody, &BTreeSet::new()).await?;
        let joining = self.suppose_links(tx, &mut found).await?;
        let stored = found.stored_in_their_names();

        let (followed, removed) = people::links_that_follow(&self.ground, &found);
        rows.extend(joining.links.iter().cloned());
        let removed: HashSet<DirectoryUserId> = removed.into_iter().collect();
        rows.retain(|link| !removed.contains(&link.directory_user_id));
        let followed: HashMap<DirectoryUserId, Link> =
            followed.into_iter().map(|link| (link.directory_user_id, link)).collect();
        for link in &mut rows {
            if let Some(changed) = followed.get(&link.directory_user_id) {
                link.clone_from(changed);
            }
        }
        let holders: HashMap<DirectoryUserId, MembershipId> = found
            .links
            .values()
            .chain(joining.links.iter())
            .filter_map(|link| Some((link.directory_user_id, link.membership_id?)))
            .collect();
        for link in joining.links {
            found.links.insert(link.directory_user_id, link);
        }
        let target = people::target(&found, &holders);
        self.count_losers(&found, &stored, &target);
        let concerned =
            holders.values().chain(found.waiting.values()).copied().filter(|id| self.seen.insert(*id)).collect();
        let shifts = self.shifts(tx, &found, (&stored, &target), &rows, concerned, &joining.new).await?;
        Ok(Looked { found, shifts, holders })
    }

    /// Whom the rules would give an account to, with the account and membership that they would get.
    async fn suppose_links(&mut self, tx: &mut Tx, found: &mut Assessed) -> Result<Joining> {
        let organization = self.ground.organization;
        let unlinked: Vec<DirectoryUser> = people::unlinked(found).cloned().collect();
        let mut joining = Joining::default();
        if unlinked.is_empty() {
            return Ok(joining);
        }
        let unlinked: Vec<&DirectoryUser> = unlinked.iter().collect();
        let decisions = climb(tx, organization, &unlinked, &found.links).await?;
        let accounts: BTreeSet<UserId> = decisions.values().filter_map(|(account, _)| *account).collect();
        let members = memberships::ids_by_users(tx, organization, accounts).await?;
        let mut by_account: HashMap<UserId, MembershipId> = HashMap::new();
        let mut by_address: HashMap<String, MembershipId> = HashMap::new();
        for person in unlinked {
            let membership = match decisions.get(&person.id) {
                Some((Some(account), _)) => match members.get(account) {
                    Some(membership) => *membership,
                    None => *by_account.entry(*account).or_insert_with(|| joining.new_membership(self.now, person)),
                },
                Some((None, Method::NewAccount)) => {
                    let address = fold(person.email().unwrap_or_default());
                    *by_address.entry(address).or_insert_with(|| joining.new_membership(self.now, person))
                }
                _ => continue,
            };
            joining.links.push(Link {
                directory_user_id: person.id,
                directory_id: person.directory,
                user_id: None,
                membership_id: Some(membership),
                state: "linked".to_owned(),
                method: Method::NewAccount.as_str().to_owned(),
                external_id: person.text("externalId").map(str::to_owned),
                active: person.active,
            });
        }
        let joined = joining.links.iter().filter_map(|link| link.membership_id);
        let unread: BTreeSet<MembershipId> =
            joined.filter(|id| !found.stored.contains_key(id) && !joining.new.contains_key(id)).collect();
        found.stored.extend(origins::of_memberships(tx, organization, unread.iter().copied()).await?);
        joining.links.extend(links::of_memberships(tx, organization, unread).await?);
        Ok(joining)
    }

    fn count_losers(&mut self, found: &Assessed, stored: &BTreeSet<Placed>, target: &BTreeSet<Placed>) {
        for ((membership, _), origin) in find_losses(found, stored, target) {
            if let Some(directory) = origin.directory_user.and_then(|user| found.directory_of(user)) {
                self.losers.entry(directory).or_default().insert(membership);
            }
        }
    }

    /// What these memberships have and would have.
    async fn shifts(
        &self,
        tx: &mut Tx,
        found: &Assessed,
        (stored, target): (&BTreeSet<Placed>, &BTreeSet<Placed>),
        rows: &[Link],
        concerned: BTreeSet<MembershipId>,
        new: &BTreeMap<MembershipId, DirectoryUserId>,
    ) -> Result<Vec<Shift>> {
        let organization = self.ground.organization;
        let there = || concerned.iter().filter(|id| !new.contains_key(id)).copied();
        let mut kept: HashMap<MembershipId, StoredMembership> =
            memberships::by_ids(tx, organization, there()).await?.into_iter().map(|m| (m.id, m)).collect();
        let mut roles = memberships::roles_of(tx, organization, there()).await?;
        let mut in_groups = groups::of_memberships(tx, organization, there()).await?;
        let mut wanted: HashMap<MembershipId, Vec<Origin>> = HashMap::new();
        for (id, origin) in target {
            wanted.entry(*id).or_default().push(*origin);
        }
        let mut linked: HashMap<MembershipId, Vec<&Link>> = HashMap::new();
        for link in rows {
            linked.entry(link.membership_id.unwrap_or_else(Id::nil)).or_default().push(link);
        }
        let mut shifts = Vec::new();
        for id in concerned {
            let membership = kept.remove(&id);
            if membership.is_none() && !new.contains_key(&id) {
                continue;
            }
            let others = found.stored.get(&id).into_iter().flatten().filter(|o| !stored.contains(&(id, **o)));
            let mut after: Vec<Origin> = others.copied().collect();
            after.extend(wanted.remove(&id).unwrap_or_default());
            let mut standing = Standing::of(linked.remove(&id).unwrap_or_default().into_iter().map(Link::stands));
            standing.deactivated = membership.as_ref().is_some_and(|membership| membership.deactivated);
            let has = self.ground.effective(&after, standing);
            let before: Vec<Origin> = found.stored.get(&id).cloned().unwrap_or_default();
            shifts.push(Shift {
                membership: id,
                newcomer: new.get(&id).copied(),
                was: membership,
                roles: roles.remove(&id).unwrap_or_default().into_iter().collect(),
                groups: in_groups.remove(&id).unwrap_or_default(),
                before,
                after,
                has,
            });
        }
        Ok(shifts)
    }
}

/// Some people, with what their memberships have and would have.
struct Looked {
    found: Assessed,
    shifts: Vec<Shift>,
    /// Which membership speaks for whom.
    holders: HashMap<DirectoryUserId, MembershipId>,
}

/// Memberships that would be made or joined.
#[derive(Default)]
struct Joining {
    links: Vec<Link>,
    new: BTreeMap<MembershipId, DirectoryUserId>,
}

impl Joining {
    fn new_membership(&mut self, now: DateTime<Utc>, person: &DirectoryUser) -> MembershipId {
        let id = MembershipId::mint(now);
        self.new.insert(id, person.id);
        id
    }
}

/// Drafts the bindings of these groups, round by round, as a convergence writes them. Answers the directory groups
/// whose people are concerned, and the native groups whose mirrors end and that stay.
async fn draft_groups(
    tx: &mut Tx,
    ground: &Ground,
    draft: &mut Draft,
    groups: BTreeSet<DirectoryGroupId>,
    now: DateTime<Utc>,
) -> Result<(BTreeSet<DirectoryGroupId>, BTreeSet<GroupId>)> {
    let (mut changed, mut ended) = (BTreeSet::new(), BTreeSet::new());
    let mut round = groups;
    loop {
        let mut freed: BTreeSet<String> = BTreeSet::new();
        let all: Vec<DirectoryGroupId> = std::mem::take(&mut round).into_iter().collect();
        for chunk in all.chunks(bind::CHUNK) {
            let chunk = chunk.iter().copied().collect();
            let bound = bind::groups(tx, ground, draft, &chunk, &BTreeSet::new(), now).await?;
            changed.extend(bound.changed);
            freed.extend(bound.freed_names);
            ended.extend(bound.ended);
        }
        freed.extend(let_leavers_go(tx, ground, draft).await?);
        if freed.is_empty() {
            break;
        }
        round.extend(bindings::waiting_for_names(tx, ground.organization, freed.iter().cloned()).await?);
        round.extend(draft.waiting_for_names(&freed));
    }
    let mut kept = BTreeSet::new();
    for group in ended {
        // One that another mirror took over, or adopted in a later round, has changed hands.
        let mirrors = draft.mirrors_of(tx, ground.organization, group).await?;
        if mirrors.iter().all(StoredBinding::is_on_its_way_out) && !draft.gone.contains_key(&group) {
            kept.insert(group);
        }
    }
    Ok((changed, kept))
}

/// Lets go, in the draft, of mirrors that ended and whose people will have left. Answers the names that become free.
async fn let_leavers_go(tx: &mut Tx, ground: &Ground, draft: &mut Draft) -> Result<BTreeSet<String>> {
    let mut freed = BTreeSet::new();
    for binding in draft.on_the_way_out(tx, ground.organization).await? {
        let Some(group) = binding.mirror_group_id else { continue };
        if ground.directory(binding.directory_id).paused {
            continue;
        }
        let mut spoken_for = false;
        if binding.goes() {
            let givers = origins::givers_of_group(tx, ground.organization, group).await?;
            if givers.iter().any(|giver| is_still_held(ground, giver)) {
                continue;
            }
            spoken_for = givers.iter().any(|giver| will_speak(ground, giver));
        }
        freed.extend(bind::let_go(tx, ground, draft, binding, spoken_for).await?);
    }
    Ok(freed)
}

/// Whether what is held in this way goes on to be.
fn is_still_held(ground: &Ground, giver: &Giver) -> bool {
    let directory = giver.directory_id.map(|id| ground.directory(id)).unwrap_or_default();
    giver.kind == "held" && (directory.paused || (directory.leaving.is_none() && ground.holds_for(giver.rule_id)))
}

/// Whether this will speak for somebody's belonging to a native group whose mirror ends. What active and frozen rules
/// give is not asked here: those that go on name the group.
fn will_speak(ground: &Ground, giver: &Giver) -> bool {
    let directory = giver.directory_id.map(|id| ground.directory(id)).unwrap_or_default();
    let rest = ground.resting.get(&giver.rule_id).map(|resting| resting.rest);
    let handed_over = rest == Some(Rest::HandedOver) || directory.leaving == Some(Ending::HandOver);
    match Kind::from_word(&giver.kind) {
        Some(Kind::Manual) => true,
        Some(Kind::Exclude) | None => false,
        Some(_) if directory.paused => true,
        Some(_) if handed_over => !giver.excluded,
        Some(Kind::Held) => is_still_held(ground, giver),
        Some(Kind::Rule | Kind::Frozen) => false,
    }
}
