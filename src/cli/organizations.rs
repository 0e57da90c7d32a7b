//! `muster organizations`: the customers.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::ask::Asking;
use super::browse::Limit;
use super::client::{Client, Connection, segment, text};
use super::lookup;
use super::output::{Listing, at, cells, counted, tell};

/// So many groups are counted for the question before a deletion, and no more.
const MANY: usize = 1_000;

/// The customers: list, make, look, delete.
#[derive(Debug, Subcommand)]
pub enum OrganizationsCommand {
    /// List them, newest first
    List(ListArgs),
    /// Make one
    Create(CreateArgs),
    /// Show one
    Show(ShowArgs),
    /// Delete one with everything that is in it
    Delete(DeleteArgs),
}

/// Which organizations to list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    connection: Connection,

    /// Part of the name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    #[command(flatten)]
    limit: Limit,
}

/// What a new organization is to be.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// Your application's own id for it
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// A domain that is to be proved by a TXT record; may be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,

    /// A domain that you vouch for: people with such addresses are linked to accounts that exist; may be repeated
    #[arg(long = "verified-domain", value_name = "DOMAIN")]
    verified_domains: Vec<String>,
}

/// Which organization.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id or its external id; if absent, that of --organization
    #[arg(value_name = "ORGANIZATION")]
    which: Option<String>,
}

/// Which organization to delete.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id or its external id
    #[arg(value_name = "ORGANIZATION")]
    which: String,

    #[command(flatten)]
    asking: Asking,
}

/// Runs one of the commands.
pub async fn run(command: OrganizationsCommand) -> anyhow::Result<ExitCode> {
    match command {
        OrganizationsCommand::List(args) => list(args).await,
        OrganizationsCommand::Create(args) => create(args).await,
        OrganizationsCommand::Show(args) => {
            let client = args.connection.client()?;
            let organization = lookup::organization(&args.connection, &client, args.which).await?;
            tell(args.connection.json, &organization, || described(&organization))
        }
        OrganizationsCommand::Delete(args) => delete(args).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let query: Vec<(&str, &str)> = args.search.iter().map(|text| ("search", text.as_str())).collect();
    let row = |organization: &Value| {
        let [id, name, external_id, made] = ["/id", "/name", "/external_id", "/created_at"];
        let mut row = cells(organization, &[id, name, external_id]);
        row.extend([domains(organization), at(organization, made).to_owned()]);
        row
    };
    let headings = ["organization", "name", "external id", "domains", "made"];
    let listing = Listing { none: "There is no such organization.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, ("/organizations", &query), &listing).await
}

async fn create(args: CreateArgs) -> anyhow::Result<ExitCode> {
    let proved = args.domains.iter().map(|domain| json!({"domain": domain, "state": "pending"}));
    let vouched = args.verified_domains.iter().map(|domain| json!({"domain": domain, "state": "verified"}));
    let domains: Vec<Value> = proved.chain(vouched).collect();
    let body = json!({"name": args.name, "external_id": args.external_id, "domain_data": domains});
    let made = args.connection.client()?.post("/organizations", &body).await?;
    tell(args.connection.json, &made, || described(&made))
}

async fn delete(args: DeleteArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = lookup::organization(&args.connection, &client, Some(args.which)).await?;
    let (id, name) = (text(&organization, "id")?, text(&organization, "name")?);
    if !args.asking.yes {
        args.asking.sure(&what_goes(&client, &id, &name).await?, &name)?;
    }
    client.delete(&format!("/organizations/{}", segment(&id)), &[]).await?;
    let told = || format!("{name} ({id}) is deleted. What was in it goes in the background.");
    tell(args.connection.json, &json!({"id": id, "deleted": true}), told)
}

/// What goes with an organization, for the person who is asked.
async fn what_goes(client: &Client, id: &str, name: &str) -> anyhow::Result<String> {
    let (groups, more) = client.list(&format!("/organizations/{}/groups", segment(id)), &[], MANY).await?;
    let groups = counted(i64::try_from(groups.len())?, "native group", "native groups");
    let least = if more { "at least " } else { "" };
    let mut out = format!("{name} ({id}) goes, with its domains, rules, keys and memberships, and {least}{groups}.\n");
    for directory in client.all("/directories", &[("organization_id", id)]).await? {
        let directory = client.get(&format!("/directories/{}", at(&directory, "/id")), &[]).await?;
        let _ = writeln!(out, "  directory {}: {}", at(&directory, "/name"), holds(&directory));
    }
    Ok(out)
}

/// What a directory holds: `12 people (3 of them inactive), 5 groups`.
pub fn holds(directory: &Value) -> String {
    let count = |pointer: &str| directory.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let (active, inactive) = (count("/metadata/users/active"), count("/metadata/users/inactive"));
    let resting = if inactive > 0 { format!(" ({inactive} of them inactive)") } else { String::new() };
    let people = counted(active.saturating_add(inactive), "person", "people");
    format!("{people}{resting}, {}", counted(count("/metadata/groups"), "group", "groups"))
}

fn domains(organization: &Value) -> String {
    let domains = organization["domains"].as_array().into_iter().flatten();
    let named = domains.map(|domain| format!("{} ({})", at(domain, "/domain"), at(domain, "/state")));
    named.collect::<Vec<_>>().join(", ")
}

fn described(organization: &Value) -> String {
    let mut out = format!("{} ({})\n", at(organization, "/name"), at(organization, "/id"));
    let _ = writeln!(out, "  external id  {}", at(organization, "/external_id"));
    let domains = organization["domains"].as_array().map(Vec::as_slice).unwrap_or_default();
    for domain in domains {
        let _ = write!(out, "  domain       {} ({})", at(domain, "/domain"), at(domain, "/state"));
        if at(domain, "/state") != "verified" {
            let record = format!("{}.{}", at(domain, "/verification_prefix"), at(domain, "/domain"));
            let _ = write!(out, "; to be proved by the TXT record {record}: {}", at(domain, "/verification_token"));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "  made         {}", at(organization, "/created_at"));
    out
}
