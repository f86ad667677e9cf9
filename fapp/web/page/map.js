// The map: our own outline, the coarse grid of postal codes, some cities to find one's way, and the
// places of the results. It is for the eye and the pointer; the choice "Ort" says and does the same.
const GermanyMap = (() => {
  'use strict';
  const { svg } = Dom;
  const WIDTH = 400;
  const HEIGHT = 440;
  const KM_PER_DEGREE = 111.2;
  const SQUEEZE = Math.cos((51 * Math.PI) / 180); // a degree of longitude at 51° north
  const COUNTRY = { lat: 51.2, lon: 10.45, km: 960 };
  const SPAN_KM_MIN = 12;
  const TOUCH = 22; // markers nearer than this are drawn as one

  /** Largest first: where names would cover each other the earlier one stays. */
  const CITIES = [
    ['Berlin', 52.52, 13.4], ['Hamburg', 53.55, 9.99], ['München', 48.14, 11.58], ['Köln', 50.94, 6.96], ['Frankfurt', 50.11, 8.68], ['Stuttgart', 48.78, 9.18],
    ['Leipzig', 51.34, 12.37], ['Dresden', 51.05, 13.74], ['Hannover', 52.37, 9.73], ['Nürnberg', 49.45, 11.08], ['Bremen', 53.08, 8.8], ['Dortmund', 51.51, 7.47],
    ['Münster', 51.96, 7.63], ['Freiburg', 48.0, 7.85], ['Rostock', 54.09, 12.13], ['Kiel', 54.32, 10.13], ['Erfurt', 50.98, 11.03], ['Magdeburg', 52.13, 11.63],
    ['Saarbrücken', 49.23, 7.0], ['Regensburg', 49.02, 12.1], ['Würzburg', 49.79, 9.94], ['Bielefeld', 52.02, 8.53], ['Trier', 49.76, 6.64], ['Passau', 48.57, 13.46],
    ['Rosenheim', 47.86, 12.13], ['Starnberg', 48.0, 11.34], ['Düsseldorf', 51.23, 6.78],
  ];

  function projection({ lat, lon, km }) {
    const scale = (Math.min(WIDTH, HEIGHT) / km) * KM_PER_DEGREE;
    return {
      scale: scale / KM_PER_DEGREE,
      at: (la, lo) => [WIDTH / 2 + (lo - lon) * SQUEEZE * scale, HEIGHT / 2 - (la - lat) * scale],
    };
  }

  /** What to show: everything found, and the circle around the person's own postal code. */
  function frame(places, centre, radius) {
    const points = [...places, ...(centre ? [centre] : [])];
    if (points.length === 0) return COUNTRY;
    const lats = points.map((p) => p.lat);
    const lons = points.map((p) => p.lon);
    const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)];
    const extent = Math.max((north - south) * KM_PER_DEGREE, (east - west) * KM_PER_DEGREE * SQUEEZE) * 1.25;
    if (centre) {
      return { lat: centre.lat, lon: centre.lon, km: Math.max(SPAN_KM_MIN, radius * 2.1) };
    }
    return { lat: (south + north) / 2, lon: (west + east) / 2, km: Math.min(COUNTRY.km, Math.max(SPAN_KM_MIN, extent)) };
  }

  const round = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const inside = ([x, y], margin) => x > margin && y > margin && x < WIDTH - margin && y < HEIGHT - margin;

  function outlinePath(at) {
    return OUTLINE.map((ring) => {
      let [lon, lat] = [0, 0];
      const points = [];
      for (let i = 0; i < ring.length; i += 2) {
        [lon, lat] = [lon + ring[i], lat + ring[i + 1]];
        points.push(round(at(lat / 100, lon / 100)));
      }
      return `M${points.join('L')}Z`;
    }).join('');
  }

  function cityNames(at, most, groups) {
    const taken = [];
    const nodes = [];
    for (const [name, lat, lon] of CITIES) {
      const spot = at(lat, lon);
      const box = [spot[0] - 6, spot[1] - 9, spot[0] + 10 + name.length * 7.2, spot[1] + 9];
      const covers = taken.some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3]);
      if (nodes.length >= most || covers || !inside(spot, 8) || box[2] > WIDTH) continue;
      taken.push(box);
      nodes.push(svg('circle', { class: 'city', cx: spot[0], cy: spot[1], r: 2 }),
        svg('text', { class: 'city-name', x: spot[0] + (groups.some(({ x, y }) => Math.hypot(x - spot[0], y - spot[1]) < 18) ? 18 : 6), y: spot[1] + 4 }, name));
    }
    return nodes;
  }

  function rings(at, scale, centre, radius) {
    const [x, y] = at(centre.lat, centre.lon);
    const reach = radius * scale;
    return [svg('circle', { class: 'reach', cx: x, cy: y, r: reach }),
      svg('text', { class: 'reach-name', x, y: Math.max(14, y - reach + 14), 'text-anchor': 'middle' }, () => Language.km(radius)),
      svg('path', { class: 'here', d: `M${x - 7} ${y}h14M${x} ${y - 7}v14` })];
  }

  /** Places that would cover each other, together: [{x, y, places, count}]. */
  function clusters(places, at, chosen) {
    const groups = [];
    for (const place of [...places].sort((a, b) => b.count - a.count)) {
      const [x, y] = at(place.lat, place.lon);
      const near = place.plz !== chosen && groups.find((group) => group.places[0].plz !== chosen && Math.hypot(group.x - x, group.y - y) < TOUCH);
      if (near) near.places.push(place); else groups.push({ x, y, places: [place] });
    }
    return groups;
  }

  function marker({ x, y, places }, chosen, onPick, onZoom) {
    const [{ plz }, another] = places;
    const count = places.reduce((sum, place) => sum + place.count, 0);
    const click = (event) => { event.stopPropagation(); if (another) onZoom(places); else onPick(plz === chosen ? '' : plz); };
    return svg('g', { class: plz === chosen ? 'place chosen' : 'place', on: { click } },
      svg('circle', { class: 'hit', cx: x, cy: y, r: 16 }), svg('circle', { cx: x, cy: y, r: Math.min(16, 7 + 1.6 * Math.sqrt(count)) }),
      svg('text', { x, y: y + 4, 'text-anchor': 'middle' }, String(count)));
  }

  function inset(view) {
    const small = projection(COUNTRY);
    const [x, y] = small.at(view.lat, view.lon);
    const side = Math.max(34, view.km * small.scale);
    return svg('g', { class: 'inset', transform: `translate(${WIDTH - 92} ${HEIGHT - 100}) scale(.215)` },
      svg('rect', { class: 'inset-back', x: 20, y: -20, width: 360, height: 470, rx: 24 }), svg('path', { class: 'land', d: outlinePath(small.at) }),
      svg('rect', { class: 'inset-view', x: x - side / 2, y: y - side / 2, width: side, height: side }));
  }

  /** places: [{plz, lat, lon, count}]; centre and radius when the search has them; zoom: places to look at alone. */
  function draw({ grid, places, centre, radius, chosen, zoom, onPick, onZoom }) {
    const view = zoom ? frame(zoom, null, 0) : frame(places, centre, radius);
    const { at, scale } = projection(view);
    const whole = view.km > 700;
    const groups = clusters(places, at, chosen);
    const dots = grid.map(([lat, lon]) => at(lat, lon)).filter((spot) => inside(spot, 0))
      .map((spot) => `M${round(spot)}h.01`).join('');
    return svg('svg', { class: 'map', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true', focusable: 'false', on: { click: () => zoom && onZoom(null) } },
      svg('path', { class: 'land', d: outlinePath(at) }), svg('path', { class: 'grid', d: dots }),
      cityNames(at, whole ? 14 : 30, groups), centre && radius && rings(at, scale, centre, radius),
      groups.reverse().map((group) => marker(group, chosen, onPick, onZoom)),
      !whole && inset(view));
  }

  return { draw };
})();
