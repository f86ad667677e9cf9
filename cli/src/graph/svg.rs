//! Drawing: plain SVG with a style sheet of its own, for light and dark surroundings.

use std::{collections::BTreeMap, f64::consts::FRAC_PI_2, fmt::Write};

use super::layout::{Layout, Placed, place};
use crate::show::{
    json::{Graph, GraphNode},
    text,
};

/// The graph as an SVG document, the same for the same graph.
pub fn draw(graph: &Graph) -> String {
    let layout = place(graph);
    let half = layout.radius + MARGIN;
    let mut svg = String::new();
    head(&mut svg, half, graph.nodes.len());
    edges(&mut svg, graph, &layout);
    for placed in &layout.placed {
        circle(&mut svg, placed, layout.crowded);
    }
    legend(&mut svg, half, graph.nodes.len() - layout.placed.len());
    svg.push_str("</svg>\n");
    svg
}

fn head(svg: &mut String, half: f64, nodes: usize) {
    let (left, side) = (pixels(-half), pixels(2.0 * half));
    // The legend needs a strip below.
    let height = pixels(2.0 * half + LEGEND_HEIGHT);
    push(
        svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{height}\" \
             viewBox=\"{left} {left} {side} {height}\" role=\"img\" \
             aria-label=\"A mesh of {}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">",
            text::counted(nodes as u64, "node"),
        ),
    );
    svg.push_str(STYLE);
    push(
        svg,
        format_args!(
            "<rect class=\"ground\" x=\"{left}\" y=\"{left}\" width=\"{side}\" height=\"{height}\"/>"
        ),
    );
}

fn edges(svg: &mut String, graph: &Graph, layout: &Layout<'_>) {
    let places: BTreeMap<&str, (f64, f64)> = layout
        .placed
        .iter()
        .map(|placed| (placed.node.address.as_str(), (placed.x, placed.y)))
        .collect();
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (places.get(edge.from.as_str()), places.get(edge.to.as_str()))
        else {
            continue;
        };
        push(
            svg,
            format_args!(
                "<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
                edge.kind,
                pixels(from.0),
                pixels(from.1),
                pixels(to.0),
                pixels(to.1),
            ),
        );
    }
}

fn circle(svg: &mut String, placed: &Placed<'_>, crowded: bool) {
    let (x, y) = (pixels(placed.x), pixels(placed.y));
    let (class, radius) = match placed.node.hops {
        0 => ("own", 11),
        1 => ("near", 7),
        _ => ("far", 6),
    };
    let title = escaped(&title(placed.node));
    push(
        svg,
        format_args!(
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"><title>{title}</title></circle>"
        ),
    );
    let label = escaped(&label(placed.node));
    if crowded && placed.node.hops > 0 {
        spoke_label(svg, placed, &label);
    } else {
        let below = pixels(placed.y + f64::from(radius) + 14.0);
        push(
            svg,
            format_args!("<text x=\"{x}\" y=\"{below}\" text-anchor=\"middle\">{label}</text>"),
        );
    }
}

/// A label along the line from the middle, turned so that it never stands on its head.
fn spoke_label(svg: &mut String, placed: &Placed<'_>, label: &str) {
    let (x, y) = (pixels(placed.x), pixels(placed.y));
    let left = placed.angle > FRAC_PI_2;
    let (anchor, offset, degrees) = match left {
        true => ("end", "-12", placed.angle.to_degrees() - 180.0),
        false => ("start", "12", placed.angle.to_degrees()),
    };
    let degrees = pixels(degrees);
    push(
        svg,
        format_args!(
            "<text transform=\"translate({x} {y}) rotate({degrees})\" x=\"{offset}\" y=\"4\" \
             text-anchor=\"{anchor}\">{label}</text>"
        ),
    );
}

fn legend(svg: &mut String, half: f64, left_out: usize) {
    let (x, y) = (pixels(20.0 - half), pixels(half + LEGEND_HEIGHT / 2.0));
    let more = match left_out {
        0 => String::new(),
        left_out => format!(" · {left_out} more are not drawn"),
    };
    push(
        svg,
        format_args!(
            "<text class=\"legend\" x=\"{x}\" y=\"{y}\">solid: a link · dashed: reached through, \
             rings are hops{more}</text>"
        ),
    );
}

/// What a node is called in the picture: its name, shortened, or the start of its address.
fn label(node: &GraphNode) -> String {
    let Some(name) = &node.name else {
        return node.address.chars().take(8).collect();
    };
    let name = text::one_line(name);
    if name.chars().count() <= LABEL_CHARACTERS_MAX {
        return name;
    }
    let mut short: String = name.chars().take(LABEL_CHARACTERS_MAX - 1).collect();
    short.push('…');
    short
}

/// What is shown when the pointer rests on a node.
fn title(node: &GraphNode) -> String {
    let mut title = String::new();
    if let Some(name) = &node.name {
        title.push_str(&text::one_line(name));
        title.push('\n');
    }
    title.push_str(&node.address);
    match node.hops {
        0 => title.push_str("\nthis node"),
        hops => push(&mut title, format_args!("\n{}", text::counted(hops.into(), "hop"))),
    }
    title
}

pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A coordinate with one decimal; a zero has no sign.
pub(crate) fn pixels(value: f64) -> String {
    let text = format!("{value:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

pub(crate) fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

/// Colours with a contrast of at least 4.5 to their ground, in both surroundings.
const STYLE: &str = "<style>\
    .ground{fill:#ffffff}.own{fill:#b45309}.near{fill:#1d4ed8}.far{fill:#4b5563}\
    .link{stroke:#1d4ed8;stroke-width:2}\
    .route{stroke:#6b7280;stroke-width:1.2;stroke-dasharray:4 4}\
    text{fill:#111827}.legend{fill:#4b5563;font-size:11px}\
    @media (prefers-color-scheme: dark){\
    .ground{fill:#0b1120}.own{fill:#fbbf24}.near{fill:#60a5fa}.far{fill:#9ca3af}\
    .link{stroke:#60a5fa}.route{stroke:#9ca3af}text{fill:#f3f4f6}.legend{fill:#9ca3af}}\
    </style>";

/// Pixels around the outermost ring, for labels.
const MARGIN: f64 = 110.0;
/// Pixels below the picture, for the legend.
const LEGEND_HEIGHT: f64 = 30.0;
/// Longer names are cut in the picture and whole in the title.
const LABEL_CHARACTERS_MAX: usize = 12;
