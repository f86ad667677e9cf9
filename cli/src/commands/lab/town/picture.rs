//! Who hears whom, drawn (`VIR-14`).

use transports::lora::air::map::Map;

use super::Hearing;
use crate::{
    graph::{escaped, pixels, push},
    show::text,
};

/// The map as an SVG document, the same for the same map.
pub(super) fn draw(map: &Map, hearings: &[Hearing]) -> String {
    let frame = Frame::around(map);
    let mut svg = String::new();
    head(&mut svg, &frame, map.places.len());
    // A pair is one line, of its worse direction.
    for hearing in hearings.iter().filter(|hearing| hearing.from < hearing.to) {
        let back = hearings.iter().find(|back| (back.from, back.to) == (hearing.to, hearing.from));
        line(&mut svg, &frame, map, hearing, back);
    }
    for place in &map.places {
        let (x, y) = frame.pixel(place.site.position.x_m, place.site.position.y_m);
        let name = escaped(&text::one_line(&place.name));
        let (x, y, below) = (pixels(x), pixels(y), pixels(y + 24.0));
        push(
            &mut svg,
            format_args!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"8\"/>\
                 <text x=\"{x}\" y=\"{below}\" text-anchor=\"middle\">{name}</text>"
            ),
        );
    }
    scale(&mut svg, &frame);
    svg.push_str("</svg>\n");
    svg
}

fn head(svg: &mut String, frame: &Frame, nodes: usize) {
    let (width, height) = (pixels(frame.width), pixels(frame.height + LEGEND_HEIGHT));
    let counted = text::counted(nodes as u64, "radio");
    push(
        svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"A map of {counted}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"12\">{STYLE}\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>"
        ),
    );
}

fn line(svg: &mut String, frame: &Frame, map: &Map, hearing: &Hearing, back: Option<&Hearing>) {
    let [from, to] = [hearing.from, hearing.to].map(|index| &map.places[index]);
    let (x1, y1) = frame.pixel(from.site.position.x_m, from.site.position.y_m);
    let (x2, y2) = frame.pixel(to.site.position.x_m, to.site.position.y_m);
    let worse =
        back.map_or(hearing, |back| if back.snr_db < hearing.snr_db { back } else { hearing });
    let class = match back {
        None => "oneway",
        Some(_) if worse.margin_db < WEAK_DB => "weak",
        Some(_) => "strong",
    };
    let title = format!(
        "{} – {}\n{} dBm, {:.1} dB above noise",
        text::one_line(&from.name),
        text::one_line(&to.name),
        worse.rssi_dbm,
        worse.snr_db
    );
    push(
        svg,
        format_args!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"><title>{}</title></line>",
            pixels(x1),
            pixels(y1),
            pixels(x2),
            pixels(y2),
            escaped(&title)
        ),
    );
}

fn scale(svg: &mut String, frame: &Frame) {
    let metres = frame.round_length();
    let words =
        if metres >= 1_000.0 { format!("{} km", metres / 1_000.0) } else { format!("{metres} m") };
    let y = frame.height + LEGEND_HEIGHT / 2.0;
    push(
        svg,
        format_args!(
            "<line class=\"scale\" x1=\"20.0\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>\
             <text class=\"legend\" x=\"{}\" y=\"{}\">{words} · solid: hear each other · dashed: \
             barely · dotted: one hears the other</text>",
            pixels(20.0 + metres * frame.scale),
            pixels(30.0 + metres * frame.scale),
            pixels(y + 4.0),
            y = pixels(y),
        ),
    );
}

/// From metres to pixels.
struct Frame {
    left: f64,
    top: f64,
    scale: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn around(map: &Map) -> Self {
        let xs = || map.places.iter().map(|place| place.site.position.x_m);
        let ys = || map.places.iter().map(|place| place.site.position.y_m);
        let (left, right) = (xs().fold(f64::MAX, f64::min), xs().fold(f64::MIN, f64::max));
        let (bottom, top) = (ys().fold(f64::MAX, f64::min), ys().fold(f64::MIN, f64::max));
        if map.places.is_empty() {
            return Self { left: 0.0, top: 0.0, scale: 1.0, width: SIDE, height: SIDE };
        }
        let scale = SIDE / (right - left).max(top - bottom).max(1.0);
        // Wide enough for the legend, however narrow the map is.
        let width = ((right - left) * scale + 2.0 * MARGIN).max(SIDE);
        Self { left, top, scale, width, height: (top - bottom) * scale + 2.0 * MARGIN }
    }

    /// North is up.
    fn pixel(&self, x_m: f64, y_m: f64) -> (f64, f64) {
        (MARGIN + (x_m - self.left) * self.scale, MARGIN + (self.top - y_m) * self.scale)
    }

    /// The longest power of ten that is not longer than a fifth of the picture.
    fn round_length(&self) -> f64 {
        10_f64.powi((self.width / 5.0 / self.scale).log10().floor() as i32)
    }
}

/// Colours with a contrast of at least 4.5 to their ground, in both surroundings.
const STYLE: &str = "<style>\
    .ground{fill:#ffffff}circle{fill:#1d4ed8}\
    line{stroke:#1d4ed8;stroke-width:2}.weak{stroke:#6b7280;stroke-dasharray:6 4}\
    .oneway{stroke:#b45309;stroke-dasharray:1 5;stroke-linecap:round}.scale{stroke:#4b5563}\
    text{fill:#111827;stroke:#ffffff;stroke-width:3;paint-order:stroke}\
    .legend{fill:#4b5563;font-size:11px}\
    @media (prefers-color-scheme: dark){\
    .ground{fill:#0b1120}circle{fill:#60a5fa}line{stroke:#60a5fa}.weak{stroke:#9ca3af}\
    .oneway{stroke:#fbbf24}.scale{stroke:#9ca3af}text{fill:#f3f4f6;stroke:#0b1120}.legend{fill:#9ca3af}}\
    </style>";

/// Less above the weakest readable signal is barely heard.
const WEAK_DB: f64 = 4.0;

/// Pixels of the longer side, without margins.
const SIDE: f64 = 560.0;
const MARGIN: f64 = 60.0;
const LEGEND_HEIGHT: f64 = 30.0;

#[cfg(test)]
mod tests {
    use super::{
        super::{hearings, reach_m},
        *,
    };
    use crate::commands::lab::town::places::village;

    // VIR-14
    #[test]
    fn the_picture_has_everybody_and_every_pair_once() {
        let mut map = village(6, reach_m());
        map.places[1].name = "<b> & \x1b".to_owned();
        let hearings = hearings(&map);
        let svg = draw(&map, &hearings);
        assert_eq!(svg, draw(&map, &hearings));
        assert_eq!(svg.matches("<circle").count(), 6);
        assert_eq!(svg.matches("<title>").count(), hearings.len() / 2);
        assert!(hearings.len() >= 10, "{}", hearings.len());
        assert!(svg.contains("&lt;b&gt; &amp; \\x1b") && !svg.contains("<b>"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        for forbidden in ["NaN", "inf", "<script", "href"] {
            assert!(!svg.contains(forbidden), "{forbidden}");
        }
    }

    // VIR-14
    #[test]
    fn maps_without_size_are_drawn_all_the_same() {
        let mut map = village(2, reach_m());
        map.places[1].site = map.places[0].site;
        let svg = draw(&map, &hearings(&map));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        map.places.clear();
        assert!(!draw(&map, &[]).contains("NaN"));
    }
}
