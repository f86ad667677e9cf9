//! A map: where radios are, and what is between them (`VIR-11`).

use super::{Air, Decibel, Position, Propagation, RadioId, RadioSite, wire::Attach};

/// Places for radios, and the air above them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// How signals weaken. Radios have the numbers of their places.
    pub propagation: Propagation,
    /// Of shadowing, fading and losses.
    pub seed: u64,
    /// Places that wait for a radio.
    pub places: Vec<Place>,
}

/// A place that is waiting for its radio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The name under which a radio asks for it.
    pub name: String,
    /// Where it is.
    pub site: RadioSite,
}

/// Who is where on the air of a server.
#[derive(Debug)]
pub(super) struct Seats {
    seats: Vec<Seat>,
}

#[derive(Debug)]
struct Seat {
    name: String,
    /// Of the map; others are put where who takes them says.
    fixed: bool,
    taken: bool,
}

impl Seats {
    /// Adds a radio to `air` for each place of the map.
    pub(super) fn new(map: &Map, air: &mut Air) -> Self {
        let seats = map.places.iter().map(|place| {
            air.add_radio(place.site);
            Seat { name: place.name.clone(), fixed: true, taken: false }
        });
        Self { seats: seats.collect() }
    }

    /// Finds a place for a radio, or says why there is none.
    pub(super) fn take(&mut self, wish: &Attach, air: &mut Air) -> Result<RadioId, String> {
        let found = match &wish.name {
            Some(name) => self.named(name, wish)?,
            None if wish.at.is_some() => None,
            None => self.seats.iter().position(|seat| seat.fixed && !seat.taken),
        };
        let index = match found {
            Some(index) => index,
            None => self.spare(air)?,
        };
        let seat = &mut self.seats[index];
        seat.taken = true;
        let radio = RadioId(u32::try_from(index).unwrap_or(u32::MAX));
        if let Some(name) = wish.name.as_ref().filter(|_| !seat.fixed) {
            seat.name.clone_from(name);
        }
        let position = match wish.at {
            Some((x, y)) => Some(Position::new(x.into(), y.into())),
            None => (!seat.fixed).then_some(Position::default()),
        };
        if let Some(position) = position {
            air.move_radio(radio, position);
        }
        Ok(radio)
    }

    pub(super) fn leave(&mut self, radio: RadioId) {
        if let Some(seat) = self.seats.get_mut(radio.0 as usize) {
            seat.taken = false;
        }
    }

    pub(super) fn name(&self, radio: RadioId) -> &str {
        self.seats.get(radio.0 as usize).map_or("", |seat| &seat.name)
    }

    fn named(&self, name: &str, wish: &Attach) -> Result<Option<usize>, String> {
        let found = self.seats.iter().position(|seat| seat.name == name);
        match found.map(|index| (index, &self.seats[index])) {
            Some((_, seat)) if seat.taken => Err(format!("{name} is on the air already")),
            Some((index, seat)) if seat.fixed => Ok(Some(index)),
            _ if wish.at.is_some() => Ok(None),
            _ => Err(format!("{name} is not on the map; say where it is")),
        }
    }

    /// A place beside the map: one that was left, or a new one.
    fn spare(&mut self, air: &mut Air) -> Result<usize, String> {
        if let Some(index) = self.seats.iter().position(|seat| !seat.fixed && !seat.taken) {
            return Ok(index);
        }
        if self.seats.len() >= RADIOS_MAX {
            return Err(format!("there are {RADIOS_MAX} radios on the air already"));
        }
        let radio = air.add_radio(RadioSite::default());
        let name = format!("radio {}", radio.0);
        self.seats.push(Seat { name, fixed: false, taken: false });
        Ok(self.seats.len() - 1)
    }
}

impl Map {
    /// The number of the radio that will have this name.
    pub fn radio(&self, name: &str) -> Option<RadioId> {
        let index = self.places.iter().position(|place| place.name == name)?;
        u32::try_from(index).ok().map(RadioId)
    }

    /// The air above the map, with a silent radio at every place.
    pub fn air(&self) -> Air {
        let mut air = Air::new(self.propagation.clone(), self.seed);
        for place in &self.places {
            air.add_radio(place.site);
        }
        air
    }

    /// A loss between two places, the same both ways; [`Decibel::NO_WAY`] for a mountain.
    pub fn set_loss(&mut self, one: RadioId, other: RadioId, loss: Decibel) {
        self.propagation.set_loss(one, other, loss);
    }
}

/// Radios on one air. Every frame is looked at once for each: 256 of them are half a millisecond.
pub const RADIOS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn attach(name: Option<&str>, at: Option<(i32, i32)>) -> Attach {
        Attach { name: name.map(str::to_owned), at }
    }

    /// `VIR-11`
    #[test]
    fn vir_11_radios_get_the_place_they_ask_for_or_the_next() {
        let site = |x| RadioSite { position: Position::new(x, 0.0), ..RadioSite::default() };
        let place = |name: &str, x| Place { name: name.to_owned(), site: site(x) };
        let places = vec![place("anna", 0.0), place("ben", 100.0)];
        let map = Map { places, ..Map::default() };
        let mut air = Air::new(map.propagation.clone(), map.seed);
        let mut seats = Seats::new(&map, &mut air);
        let mut take = |name, at| {
            let radio = seats.take(&attach(name, at), &mut air)?;
            let position = air.site(radio).map(|site| site.position.x_m);
            Ok::<_, String>((radio.0, position.unwrap_or(-1.0), seats.name(radio).to_owned()))
        };
        assert_eq!(take(Some("ben"), None), Ok((1, 100.0, "ben".into())));
        assert_eq!(take(None, None), Ok((0, 0.0, "anna".into())));
        assert_eq!(take(None, Some((50, 0))), Ok((2, 50.0, "radio 2".into())));
        assert_eq!(take(Some("carla"), Some((60, 0))), Ok((3, 60.0, "carla".into())));
        assert_eq!(take(None, None), Ok((4, 0.0, "radio 4".into())));
        assert!(take(Some("ben"), None).is_err_and(|why| why.contains("already")));
        assert!(take(Some("dora"), None).is_err_and(|why| why.contains("not on the map")));
        seats.leave(RadioId(2));
        let mut take = |at| seats.take(&attach(None, at), &mut air);
        assert_eq!(take(Some((70, 0))), Ok(RadioId(2)));
        for _ in 5..RADIOS_MAX {
            assert!(take(None).is_ok());
        }
        assert!(take(None).is_err_and(|why| why.contains("256")));
    }
}
