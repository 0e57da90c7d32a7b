//! `muster demo`: a tour on an embedded database, with the traffic of real identity providers over HTTP.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::client::Client;
use super::serve::{OidcArgs, ServeArgs, Server, interrupted};
use crate::app::Config;
use crate::domain::Clock;
use crate::domain::id::OrganizationId;
use crate::domain::secret::Secret;
use crate::replay::{Conversation, Event, Player};
use crate::service::access;
use crate::service::mapping::overview;
use crate::store::bindings::MappedGroup;
use crate::store::origins::Reason;

const OKTA: &str = include_str!("../../fixtures/okta/tour.json");
const ENTRA: &str = include_str!("../../fixtures/entra/tour.json");

/// Shows what Muster does: two identity providers push people and groups, three rules map them.
///
/// Starts a real server, plays recorded conversations at it over HTTP, and keeps serving until Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Keep the database in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// End after the tour: with status 0, or 1 if a step failed
    #[arg(long)]
    pub exit: bool,
}

/// A directory of the tour, ready for its identity provider.
struct TourDirectory {
    name: &'static str,
    base_url: String,
    token: String,
}

/// Gives the tour.
pub async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let temporary = tempfile::Builder::new().prefix("muster-demo-").tempdir()?;
    let folder = args.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let database = folder.join("muster.db");
    ensure!(
        !database.exists(),
        "{} holds a database already; the tour needs an empty folder. To go on with that one: muster serve --database-url sqlite://{}",
        folder.display(),
        database.display()
    );
    let key = Secret::mint("sk_demo_");
    let server = start(args.listen, &database, &key).await?;
    let mut out = io::stdout();
    let toured = tour(&server, &key, &mut out).await;
    let done = match toured {
        Ok(passed) if args.exit => Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        Ok(_) => {
            writeln!(out, "Serving. Ctrl-C ends it.")?;
            interrupted().await?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
    };
    server.stop().await;
    done
}

async fn start(listen: SocketAddr, database: &std::path::Path, key: &Secret) -> anyhow::Result<Server> {
    let args = |listen| ServeArgs {
        listen,
        database_url: format!("sqlite://{}", database.display()),
        public_url: None,
        root_api_key: Some(key.reveal().to_owned()),
        requests_per_second: Config::REQUESTS_PER_SECOND,
        max_body: Config::MAX_BODY,
        converge_budget: Config::CONVERGE_BUDGET,
        verify_hours: Config::VERIFY_HOURS,
        metrics_key: None,
        secrets_key: None,
        webhooks_allow_private: false,
        webhook_retry_seconds: Config::WEBHOOK_RETRY_SECONDS,
        oidc: OidcArgs::default(),
    };
    match Server::start(args(listen), Clock::System).await {
        // Somebody else has the usual port: any other does for a tour.
        Err(_) if listen.port() == 8080 => Server::start(args(SocketAddr::new(listen.ip(), 0)), Clock::System).await,
        started => started,
    }
}

/// The tour itself; false if an identity provider got an answer that it did not expect.
async fn tour(server: &Server, key: &Secret, out: &mut impl Write) -> anyhow::Result<bool> {
    let client = Client::new(&server.url(), key.reveal())?;
    let organization = client
        .post(
            "/organizations",
            &json!({"name": "Acme", "domain_data": [{"domain": "acme.example", "state": "verified"}]}),
        )
        .await?;
    let id: OrganizationId = text(&organization, "id")?.parse()?;
    writeln!(out, "\nAn organization, \"Acme\", with two directories. Okta and Entra ID connect and push.\n")?;
    let okta = directory(&client, id, "Okta", "okta scim v2.0").await?;
    let entra = directory(&client, id, "Entra ID", "azure scim v2.0").await?;
    let mut passed = play(&okta, OKTA, out).await?;
    passed &= play(&entra, ENTRA, out).await?;

    writeln!(out, "\nThree rules, as an admin would write them:\n")?;
    let finance = client.post(&format!("/organizations/{id}/groups"), &json!({"name": "Finance"})).await?;
    let mut rules = Vec::new();
    for rule in three_rules(id, &text(&finance, "id")?) {
        rules.push(client.post("/mapping_rules", &rule).await?);
    }
    show_rules(&rules, &finance, out)?;

    let header = format!("Bearer {}", key.reveal());
    let scope = access::authenticate_api(&server.app, Some(&header)).await?.organization(id)?;
    show_groups(&overview::mapped_groups(&server.app, scope).await?, out)?;
    show_people(&overview::reasons(&server.app, scope, 1_000).await?, out)?;
    show_how_to_go_on(server, key, id, &okta, out)?;
    Ok(passed)
}

fn text(object: &Value, key: &str) -> anyhow::Result<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("the answer has no {key}"))
}

async fn directory(
    client: &Client,
    organization: OrganizationId,
    name: &'static str,
    kind: &str,
) -> anyhow::Result<TourDirectory> {
    let body = json!({"organization_id": organization, "name": name, "type": kind});
    let made = client.post("/directories", &body).await?;
    let path = format!("/directories/{}/tokens", text(&made, "id")?);
    let token = client.post(&path, &json!({"name": "Demo"})).await?;
    Ok(TourDirectory { name, base_url: text(&made, "scim_base_url")?, token: text(&token, "token")? })
}

/// Plays a conversation with a progress bar; false if an answer was not as expected.
async fn play(directory: &TourDirectory, conversation: &str, out: &mut impl Write) -> anyhow::Result<bool> {
    let conversation = Conversation::parse(conversation)?;
    let player = Player::new(&directory.base_url, &directory.token)?.with_random("demo");
    let bar = ProgressBar::new(u64::try_from(conversation.steps.len())?);
    bar.set_style(ProgressStyle::with_template("  {prefix:9} {bar:32} {pos:>3}/{len} requests  {wide_msg:.dim}")?);
    bar.set_prefix(directory.name);
    let report = player
        .play(&conversation, |event| match event {
            Event::Started { step, .. } => bar.set_message(step.name.clone()),
            Event::Finished { .. } => bar.inc(1),
        })
        .await;
    bar.finish_and_clear();
    let verdict = if report.passed() { "every answer as expected" } else { "some answers were not as expected:" };
    writeln!(out, "  {:9} {} requests, {verdict}", directory.name, report.steps.len())?;
    for failure in report.failures() {
        writeln!(out, "    ✗ {} {:?}: {:?}", failure.name, failure.status, failure.outcome)?;
    }
    Ok(report.passed())
}

/// A mirror by pattern, a mirror by name with nested groups, and people into an existing group with a role.
fn three_rules(organization: OrganizationId, finance: &str) -> [Value; 3] {
    [
        json!({
            "organization_id": organization, "key": "engineering-teams", "apply": true,
            "when": {"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>.+)$",
                     "except_group": "displayName eq \"contractors\""},
            "then": [{"mirror_group": {"name": "{{ team | title }} Engineering"}}],
        }),
        json!({
            "organization_id": organization, "key": "departments", "apply": true,
            "when": {"group": "displayName eq \"Design\" or displayName eq \"Sales EMEA\""},
            "then": [{"mirror_group": {}}],
        }),
        json!({
            "organization_id": organization, "key": "finance-admins", "apply": true,
            "when": {"group": "displayName eq \"Finance Admins\""},
            "then": [{"into_group": {"group_id": finance}}, {"grant_role": {"role": "admin"}}],
        }),
    ]
}

fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(headings.to_vec());
    table
}

fn show_rules(rules: &[Value], finance: &Value, out: &mut impl Write) -> anyhow::Result<()> {
    let mut rows = table(&["rule", "when", "then"]);
    for rule in rules {
        let when: Vec<String> = ["group", "capture", "user", "except_group"]
            .iter()
            .filter_map(|key| Some(format!("{key}: {}", rule["when"].get(key)?.as_str()?)))
            .collect();
        let then: Vec<String> = rule["then"].as_array().into_iter().flatten().map(|it| action(it, finance)).collect();
        rows.add_row([text(rule, "key")?, when.join("\n"), then.join("\n")]);
    }
    writeln!(out, "{rows}\n")?;
    Ok(())
}

/// An action in a few words; the one group that is named by its id is `finance`.
fn action(action: &Value, finance: &Value) -> String {
    let Some((name, details)) = action.as_object().and_then(|object| object.iter().next()) else {
        return action.to_string();
    };
    let detail = match details.get("group_id") {
        Some(id) if finance.get("id") == Some(id) => finance.get("name").and_then(Value::as_str),
        _ => ["name", "role"].iter().find_map(|key| details.get(key)?.as_str()),
    };
    detail.map_or_else(|| name.clone(), |detail| format!("{name}: {detail}"))
}

fn show_groups(groups: &[MappedGroup], out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "What the directories' groups became:\n")?;
    let mut rows = table(&["directory", "directory group", "members", "rule", "native group", "active members"]);
    for group in groups {
        let became = match (&group.mirror, group.mirror_state.as_deref()) {
            (Some(name), _) => name.clone(),
            (None, Some("parked")) => "parked: the name is taken".to_owned(),
            (None, _) if group.excepted => "keeps its people out".to_owned(),
            (None, _) if group.rule_key.is_some() => "its people join Finance".to_owned(),
            (None, _) => "—".to_owned(),
        };
        rows.add_row([
            group.directory.clone(),
            group.directory_group.clone(),
            group.members.to_string(),
            group.rule_key.clone().unwrap_or_else(|| "no rule".to_owned()),
            became,
            if group.mirror.is_some() { group.mirror_members.to_string() } else { String::new() },
        ]);
    }
    writeln!(out, "{rows}\n")?;
    Ok(())
}

fn show_people(reasons: &[Reason], out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "Who has what, and why:\n")?;
    let mut rows = table(&["person", "status", "has", "because of"]);
    let mut last = None;
    for reason in reasons.iter().filter(|reason| reason.target != "membership") {
        let again = last.replace(&reason.membership_id) == Some(&reason.membership_id);
        let has = format!("{} {}", reason.target, reason.target_name.as_deref().unwrap_or_default());
        let rule = reason.rule_key.as_deref().unwrap_or("by hand");
        let source = reason.directory_group.as_deref().map_or_else(String::new, |group| {
            format!(" · {group} ({})", reason.directory.as_deref().unwrap_or_default())
        });
        rows.add_row([
            if again { String::new() } else { reason.email.clone() },
            if again { String::new() } else { reason.status.clone() },
            has,
            format!("{rule} v{}{source}", reason.rule_version),
        ]);
    }
    writeln!(out, "{rows}\n")?;
    Ok(())
}

fn show_how_to_go_on(
    server: &Server,
    key: &Secret,
    organization: OrganizationId,
    directory: &TourDirectory,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let url = server.url();
    writeln!(out, "To go on:\n")?;
    if let Some(link) = &server.first_owner {
        writeln!(
            out,
            "  Console         {link}\n                  (the link makes the first owner; it works once, for an hour)"
        )?;
    }
    writeln!(out, "  API key         {}", key.reveal())?;
    writeln!(out, "  SCIM base URL   {}", directory.base_url)?;
    writeln!(out, "  SCIM token      {}\n", directory.token)?;
    writeln!(
        out,
        "  curl -H 'Authorization: Bearer {}' \\\n    {url}/organizations/{organization}/groups\n",
        key.reveal()
    )?;
    writeln!(
        out,
        "  curl -G -H 'Authorization: Bearer {}' \\\n    --data-urlencode 'filter=displayName sw \"eng-\"' {}/Groups\n",
        directory.token, directory.base_url
    )?;
    Ok(())
}
