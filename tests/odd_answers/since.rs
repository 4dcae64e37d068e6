//! How far back a sweep of the time that the user names goes.

use std::time::Duration;

use super::scene::{RUNGS, Scene, distortion};
use crate::support::home::{SPAM, spam};
use crate::support::small_server::{Item, Part};
use followsift::sweep::Scope;

#[test]
fn no_message_that_is_older_than_asked_is_moved_however_many_there_are() {
    for count in [5, 63, 64, 65, 80, 200] {
        let messages: Vec<Vec<u8>> = (1..=count).map(|number| spam(number).bytes(number)).collect();
        let scene = Scene::with(RUNGS[0], &messages);
        let newest = [count - 2, count];
        // The server knows only when messages came.
        let dates = distortion(move |answer| {
            for part in &mut answer.parts {
                let Part::Data { id, items, .. } = part else { continue };
                let year = if newest.contains(id) { 2096 } else { 2016 };
                for Item { value, .. } in items.iter_mut().filter(|item| item.name == "INTERNALDATE") {
                    *value = format!("\"17-Nov-{year} 09:00:00 +0000\"").into_bytes();
                }
            }
        });
        let run = scene.process().sweep(Scope::Since(Duration::from_secs(3600)), dates);
        let moved: Vec<usize> = (1..=count).filter(|number| scene.places_of(*number) == [SPAM]).collect();
        assert!(run.well && moved == newest, "{count}: {moved:?} {run:#?}");
    }
}
