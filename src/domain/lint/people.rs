//! What a rule makes of the people who are there now.

use super::count_people;
use crate::domain::directory::DirectoryUser;
use crate::domain::finding::Finding;
use crate::domain::rule::Rule;

/// What was seen of the people so far; people are shown to it one by one.
#[derive(Debug)]
pub struct Look<'r> {
    rule: &'r Rule,
    seen: usize,
    matched: usize,
}

impl<'r> Look<'r> {
    /// A look at nobody yet.
    pub fn new(rule: &'r Rule) -> Self {
        Look { rule, seen: 0, matched: 0 }
    }

    /// Looks at one more person; answers whether `when.user` holds for them.
    pub fn at(&mut self, user: &DirectoryUser) -> bool {
        let matches = self.rule.sees_user(user);
        self.seen += 1;
        self.matched += usize::from(matches);
        matches
    }

    /// How many people were looked at.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// For how many of them `when.user` holds.
    pub fn matched(&self) -> usize {
        self.matched
    }

    /// What is odd about all this, where `total` people are there.
    pub fn findings(&self, total: usize) -> Option<Finding> {
        self.rule.user_filter().filter(|_| self.matched == 0)?;
        let message = if total == 0 {
            "there is no person yet, so the rule matches nobody".to_owned()
        } else if total > self.seen {
            format!(
                "it matches none of the first {} people; there are {total}, and the rest were not looked at",
                self.seen
            )
        } else {
            format!("it matches nobody now, of {}", count_people(total))
        };
        Some(Finding::warning("when.user", "matches_nothing", message))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::super::tests::rule;
    use super::*;
    use crate::domain::Id;

    #[test]
    fn a_condition_that_nobody_meets_is_told_with_how_many_were_looked_at() {
        let rule = rule("x", 1, json!({"user": "title eq \"CEO\""}), json!([{"ensure_membership": {}}]));
        let mut user = DirectoryUser {
            id: Id::nil(),
            directory: Id::nil(),
            active: true,
            document: json!({"userName": "ada"}).as_object().unwrap().clone(),
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let mut look = Look::new(&rule);
        assert!(look.findings(0).is_some_and(|found| found.message.contains("no person yet")));
        assert!(!look.at(&user));
        assert!(look.findings(1).is_some_and(|found| found.message.ends_with("of 1 person")));
        assert!(look.findings(7).is_some_and(|found| found.message.contains("first 1 people; there are 7")));
        user.document.insert("title".to_owned(), json!("ceo"));
        assert!(look.at(&user) && look.findings(7).is_none());
        assert_eq!((look.seen(), look.matched()), (2, 1));
    }
}
