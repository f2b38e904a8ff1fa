//! Home and the run view at every size people have, as text under `snapshots/`.

use crate::app::{
    App, World,
    scene::{self, Weather},
};

use super::{Glyphs, shots::shot};

/// The least, the usual, a bit more, a wide monitor, the widest.
pub(super) const SIZES: [(u16, u16); 5] = [(60, 20), (80, 24), (100, 30), (160, 50), (220, 60)];

/// One snapshot for each size.
fn at_every_size(name: &str, app: &mut App) {
    for (w, h) in SIZES {
        insta::assert_snapshot!(format!("{name}_{w}x{h}"), shot(app, (w, h), Glyphs::Box));
    }
}

#[test]
fn home() {
    at_every_size("home_outage", &mut scene::app(World::Live, Weather::Outage));
    at_every_size("home_calm", &mut scene::app(World::Sim, Weather::Calm));
}
