//! The picture of a flow: columns of boxes, and bands between them as wide as there are people.
//!
//! What lives here: where everything stands. What it means and where it links to is the caller's, what it looks like the
//! template's.

use std::collections::BTreeMap;

use super::view::counted;

/// The width of the picture.
const WIDTH: i64 = 1_000;
/// The width of a box.
const BOX: i64 = 230;
/// The least height of a box: its name must fit.
const LEAST: i64 = 26;
/// The gap between two boxes of a column.
const GAP: i64 = 10;
/// The height of all boxes of a column together, as far as it is up to people.
const HEIGHT: i64 = 360;
/// Boxes of a column at the most; what is left goes into one.
const MOST: usize = 14;
/// Characters of a name that fit into a box.
const LETTERS: usize = 24;

/// A box as the caller knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// What tells it from others of its column.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Where it leads.
    pub href: Option<String>,
}

/// People who flow from a box of one column to a box of the next.
#[derive(Debug, Clone)]
pub struct Band {
    /// The column that it begins in: 0 or 1.
    pub column: usize,
    /// The key of the box that it begins at.
    pub from: String,
    /// The key of the box that it ends at.
    pub to: String,
    /// How many people.
    pub people: i64,
}

/// A box in its place.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The left edge.
    pub x: i64,
    /// The upper edge.
    pub y: i64,
    /// The height.
    pub height: i64,
    /// Its name, cut to fit.
    pub short: String,
    /// Its whole name and how many people.
    pub text: String,
    /// Where it leads.
    pub href: Option<String>,
    /// How many people.
    pub people: i64,
}

impl Placed {
    /// Where the text stands.
    pub fn text_x(&self) -> i64 {
        self.x + 10
    }

    /// Where the text stands.
    pub fn text_y(&self) -> i64 {
        self.y + self.height / 2 + 5
    }

    /// Where the number stands.
    pub fn number_x(&self) -> i64 {
        self.x + BOX - 10
    }
}

/// A band in its place.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The outline, as the `d` of an SVG path.
    pub path: String,
    /// What it shows, in words.
    pub text: String,
}

/// The picture.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// The width.
    pub width: i64,
    /// The height.
    pub height: i64,
    /// The width of a box.
    pub box_width: i64,
    /// The boxes.
    pub boxes: Vec<Placed>,
    /// The bands.
    pub bands: Vec<Drawn>,
}

/// A column while it is laid out.
struct Column {
    nodes: Vec<Node>,
    people: BTreeMap<String, i64>,
    folded: BTreeMap<String, String>,
}

impl Flow {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    /// Lays out three columns. The boxes of the first and last stand by their people, those of the second in the order
    /// in which they are given.
    pub fn of(columns: [Vec<Node>; 3], bands: &[Band]) -> Flow {
        let [first, second, third] = columns;
        let columns = [column(first, bands, 0, true), column(second, bands, 1, false), column(third, bands, 2, true)];
        let bands = folded(bands, &columns);
        let most = columns.iter().map(|column| column.people.values().sum::<i64>()).max().unwrap_or(0).max(1);
        let mut flow = Flow { width: WIDTH, box_width: BOX, ..Flow::default() };
        let mut placed: Vec<BTreeMap<String, (i64, i64)>> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let x = i64::try_from(at).unwrap_or(0) * (WIDTH - BOX) / 2;
            let mut y = 0;
            let mut places = BTreeMap::new();
            for node in &column.nodes {
                let people = column.people.get(&node.key).copied().unwrap_or(0);
                let height = (people * HEIGHT.min(most * LEAST * 2) / most).max(LEAST);
                places.insert(node.key.clone(), (y, height));
                flow.boxes.push(Placed {
                    x,
                    y,
                    height,
                    short: short(&node.name),
                    text: format!("{}: {}", node.name, counted(people, "person", "people")),
                    href: node.href.clone(),
                    people,
                });
                y += height + GAP;
            }
            flow.height = flow.height.max(y - GAP);
            placed.push(places);
        }
        flow.bands = drawn(&bands, &columns, &placed);
        flow
    }
}

fn column(mut nodes: Vec<Node>, bands: &[Band], at: usize, by_people: bool) -> Column {
    let mut into: BTreeMap<String, i64> = BTreeMap::new();
    let mut out: BTreeMap<String, i64> = BTreeMap::new();
    for band in bands {
        if band.column == at {
            *out.entry(band.from.clone()).or_default() += band.people;
        } else if band.column + 1 == at {
            *into.entry(band.to.clone()).or_default() += band.people;
        }
    }
    // A person who gets several things by a rule is one person; what comes in counts them once.
    let of = |key: &str| into.get(key).or_else(|| out.get(key)).copied().unwrap_or(0);
    nodes.sort();
    nodes.dedup_by(|a, b| a.key == b.key);
    if by_people {
        nodes.sort_by_key(|node| (-of(&node.key), node.name.clone()));
    }
    let mut people: BTreeMap<String, i64> = nodes.iter().map(|node| (node.key.clone(), of(&node.key))).collect();
    let mut folded = BTreeMap::new();
    if nodes.len() > MOST {
        let rest = nodes.split_off(MOST - 1);
        let rest_key = "\u{10ffff}rest".to_owned();
        let mut sum = 0;
        for node in &rest {
            sum += people.remove(&node.key).unwrap_or(0);
            folded.insert(node.key.clone(), rest_key.clone());
        }
        people.insert(rest_key.clone(), sum);
        nodes.push(Node { key: rest_key, name: format!("{} more", rest.len()), href: None });
    }
    Column { nodes, people, folded }
}

/// The bands between the boxes that are shown.
fn folded(bands: &[Band], columns: &[Column; 3]) -> Vec<Band> {
    let key = |at: usize, key: &String| columns[at].folded.get(key).unwrap_or(key).clone();
    let mut sums: BTreeMap<(usize, String, String), i64> = BTreeMap::new();
    for band in bands.iter().filter(|band| band.column < 2) {
        let ends = (band.column, key(band.column, &band.from), key(band.column + 1, &band.to));
        *sums.entry(ends).or_default() += band.people;
    }
    sums.into_iter().map(|((column, from, to), people)| Band { column, from, to, people }).collect()
}

/// Draws the bands: on each side a box is shared out among its bands, from above.
fn drawn(bands: &[Band], columns: &[Column; 3], placed: &[BTreeMap<String, (i64, i64)>]) -> Vec<Drawn> {
    // Of each side of a box: how many people its bands are together, and how many of them are drawn.
    let mut sides: BTreeMap<(usize, bool, String), (i64, i64)> = BTreeMap::new();
    for band in bands {
        sides.entry((band.column, true, band.from.clone())).or_default().0 += band.people;
        sides.entry((band.column + 1, false, band.to.clone())).or_default().0 += band.people;
    }
    let name = |at: usize, key: &str| {
        columns[at].nodes.iter().find(|node| node.key == key).map(|node| node.name.clone()).unwrap_or_default()
    };
    let mut sorted: Vec<&Band> = bands.iter().collect();
    let height = |at: usize, key: &str| placed[at].get(key).map_or(0, |place| place.0);
    sorted.sort_by_key(|band| (band.column, height(band.column, &band.from), height(band.column + 1, &band.to)));
    let mut share = |at: usize, out: bool, key: &String, people: i64| -> (i64, i64) {
        let (top, height) = placed[at].get(key).copied().unwrap_or_default();
        let (sum, begun) = sides.entry((at, out, key.clone())).or_default();
        let whole = (*sum).max(1);
        let (from, to) = (top + *begun * height / whole, top + (*begun + people) * height / whole);
        *begun += people;
        (from, to.max(from + 1))
    };
    let mut all = Vec::new();
    for band in sorted {
        let (a, b) = share(band.column, true, &band.from, band.people);
        let (c, d) = share(band.column + 1, false, &band.to, band.people);
        let step = (WIDTH - BOX) / 2;
        let left = i64::try_from(band.column).unwrap_or(0) * step + BOX;
        let right = left + step - BOX;
        let middle = i64::midpoint(left, right);
        all.push(Drawn {
            path: format!(
                "M{left} {a}C{middle} {a} {middle} {c} {right} {c}L{right} {d}C{middle} {d} {middle} {b} {left} {b}Z"
            ),
            text: format!(
                "{} → {}: {}",
                name(band.column, &band.from),
                name(band.column + 1, &band.to),
                counted(band.people, "person", "people")
            ),
        });
    }
    all
}

fn short(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    name.chars().take(LETTERS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(key: &str) -> Node {
        Node { key: key.to_owned(), name: key.to_owned(), href: None }
    }

    fn band(column: usize, from: &str, to: &str, people: i64) -> Band {
        Band { column, from: from.to_owned(), to: to.to_owned(), people }
    }

    #[test]
    fn boxes_are_as_high_as_there_are_people_and_do_not_overlap() {
        let columns = [vec![node("eng"), node("ops")], vec![node("teams")], vec![node("Eng"), node("Ops")]];
        let bands = [
            band(0, "eng", "teams", 300),
            band(0, "ops", "teams", 100),
            band(1, "teams", "Eng", 300),
            band(1, "teams", "Ops", 100),
        ];
        let flow = Flow::of(columns, &bands);
        let heights: Vec<(i64, i64, i64)> =
            flow.boxes.iter().map(|placed| (placed.x, placed.y, placed.height)).collect();
        assert_eq!(heights, [(0, 0, 270), (0, 280, 90), (385, 0, 360), (770, 0, 270), (770, 280, 90)]);
        assert_eq!(flow.bands.len(), 4);
        assert!(flow.bands.iter().any(|band| band.text == "eng → teams: 300 people"));
    }

    #[test]
    fn what_does_not_fit_is_folded_into_one_box() {
        let keys: Vec<String> = (0..40).map(|n| format!("group {n:02}")).collect();
        let columns = [keys.iter().map(|key| node(key)).collect(), vec![node("all")], vec![node("Everybody")]];
        let mut bands: Vec<Band> = keys.iter().map(|key| band(0, key, "all", 1)).collect();
        bands.push(band(1, "all", "Everybody", 40));
        let flow = Flow::of(columns, &bands);
        let first: Vec<&Placed> = flow.boxes.iter().filter(|placed| placed.x == 0).collect();
        assert_eq!((first.len(), first[13].people, first[13].short.as_str()), (14, 27, "27 more"));
    }
}
