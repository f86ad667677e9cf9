// Makes ../page/outline.js: the outline of Germany from Natural Earth's 1:10m borders, which are in
// the public domain, as rings of longitude and latitude.
//
//   npm ci && npm run make
//
// The page draws it some hundred pixels wide: a hundredth of a degree (1.1 km) is below a pixel
// there, and small islands are left out because nobody could see them.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { feature } from 'topojson-client';
import { presimplify, simplify } from 'topojson-simplify';

const GERMANY = '276'; // ISO 3166-1 numeric
const TOLERANCE_DEG2 = 0.003; // area of the smallest triangle that is kept
const RING_DEG2_MIN = 0.008; // Usedom stays, Helgoland goes
const STEPS_PER_DEGREE = 100;
const LINE = 110;

const source = createRequire(import.meta.url).resolve('world-atlas/countries-10m.json');
const world = JSON.parse(readFileSync(source, 'utf8'));
const country = world.objects.countries.geometries.find((one) => one.id === GERMANY);
const { coordinates } = feature(simplify(presimplify(world), TOLERANCE_DEG2), country).geometry;

/** Twice the signed area is what the shoelace formula gives. */
function area(ring) {
  const cross = ([x, y], i) => x * ring[(i + 1) % ring.length][1] - ring[(i + 1) % ring.length][0] * y;
  return Math.abs(ring.reduce((sum, point, i) => sum + cross(point, i), 0)) / 2;
}

/** The ring in hundredths, without points that fell together, without the closing point. */
function rounded(ring) {
  const points = ring.slice(0, -1).map((point) => point.map((v) => Math.round(v * STEPS_PER_DEGREE)));
  return points.filter((point, i) => i === 0 || String(point) !== String(points[i - 1]));
}

/** Each point as its distance from the one before: half the length of the text. */
const steps = (ring) => ring.flatMap(([x, y], i) => (i === 0 ? [x, y] : [x - ring[i - 1][0], y - ring[i - 1][1]]));

/** Numbers in lines that are not too long. */
function lines(numbers) {
  const broken = [''];
  for (const number of numbers) {
    if (broken.at(-1).length > LINE) broken.push('    ');
    broken[broken.length - 1] += `${number},`;
  }
  return broken.join('\n');
}

const rings = coordinates.map(([outer]) => outer)
  .filter((ring) => area(ring) >= RING_DEG2_MIN)
  .map(rounded)
  .sort((a, b) => b.length - a.length);
const text = `// Made by fapp/web/outline/make.mjs from Natural Earth (public domain). Rings in hundredths of a
// degree: lon, lat of the first point, then the steps from point to point.
const OUTLINE = [
${rings.map((ring) => `  [${lines(steps(ring)).slice(0, -1)}],`).join('\n')}
];
`;
writeFileSync(new URL('../page/outline.js', import.meta.url), text);
console.log(`${rings.length} rings, ${rings.reduce((sum, ring) => sum + ring.length, 0)} points, ${text.length} B`);
