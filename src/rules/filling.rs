//! A follower filled in fact by fact, where it comes from no mail: from a `[[test]]`, from a row of a table.

use crate::mail::{Fact, Follower, Shown};

/// The place of a text fact; none for the facts of another type.
pub(crate) fn text(follower: &mut Follower, fact: Fact) -> Option<&mut Shown<String>> {
    Some(match fact {
        Fact::Handle => &mut follower.handle,
        Fact::Name => &mut follower.name,
        Fact::Url => &mut follower.url,
        Fact::Bio => &mut follower.bio,
        Fact::Location => &mut follower.location,
        Fact::Website => &mut follower.website,
        _ => return None,
    })
}

/// The place of a fact that is counted, age in days; none for the facts of another type.
pub(crate) fn count(follower: &mut Follower, fact: Fact) -> Option<&mut Shown<u64>> {
    Some(match fact {
        Fact::Followers => &mut follower.followers,
        Fact::Following => &mut follower.following,
        Fact::Posts => &mut follower.posts,
        Fact::Lists => &mut follower.lists,
        Fact::Mutuals => &mut follower.mutuals,
        Fact::Age => &mut follower.age,
        _ => return None,
    })
}

/// The place of a yes-or-no fact; none for the facts of another type.
pub(crate) fn answer(follower: &mut Follower, fact: Fact) -> Option<&mut Shown<bool>> {
    Some(match fact {
        Fact::DefaultPicture => &mut follower.default_picture,
        Fact::Verified => &mut follower.verified,
        Fact::Private => &mut follower.private,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_exactly_one_place_and_is_read_from_it() {
        for fact in Fact::ALL {
            let mut follower = Follower::default();
            let places = [
                text(&mut follower, fact).map(|place| *place = Shown::Empty).is_some(),
                count(&mut follower, fact).map(|place| *place = Shown::Empty).is_some(),
                answer(&mut follower, fact).map(|place| *place = Shown::Empty).is_some(),
            ];
            assert_eq!(places.iter().filter(|there| **there).count(), 1, "{fact}");
            assert!(follower.shows(fact), "{fact}");
        }
    }
}
