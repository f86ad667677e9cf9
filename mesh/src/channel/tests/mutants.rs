//! The check of the channel rule that a mutant breaks (`ATK-20`): whether the rule is kept.

use super::lite::{forgery, line, lite_config, objects, texts};
use crate::{
    channel::ChannelConfig, crypto::Mode, identity::MeshIdentity, lite::group::Text, rules::Rules,
};

/// `MLG-15`: a member writes in another one's name, and signs that it was the other one.
pub(crate) fn a_strangers_checkpoint_proves_nothing(rules: Rules) -> bool {
    let (mut world, channel, keys) = line(2, &[], ChannelConfig { rules, ..lite_config() });
    world.publish(0, channel, "hello");
    world.run(core::time::Duration::from_secs(1));
    world.trace.clear();
    world.publish(0, channel, "true");
    let said = objects(&world, 1).pop().expect("sent");
    let lie = forgery(&world, &keys, &said, b"lie");
    world.inject(1, 0, &lie).expect("no relay can see it");

    let mallory = MeshIdentity::from_seeds([66; 32], None);
    let victim = *world.nodes[0].identity.public().node_key();
    let lineage = world.nodes[0].channels.lineage.expect("it published");
    let (_, counter) = said.voice().expect("a message");
    let (group, payload) = (keys.group(), b"lie"[..].into());
    let voice = group.voice(&victim, lineage);
    let text = Text { counter, lifetime: 15, sent_at: None, payload };
    let covered = [group.transcript(&voice, &text)];
    let claims = (counter, &covered[..]);
    let object = group.seal_checkpoint(Mode::Real, &mallory, &voice, claims, (15, 64), [0; 8]);
    let mut frame = alloc::vec::Vec::new();
    object.write_frame(60, 0, &mut frame);
    // Whether it is dropped or carried as a stranger's is not the question here.
    let _ = world.inject(1, 0, &frame);
    let history = world.nodes[1].channels.history(channel);
    let lies = |proven| texts(&history).contains(&("lie", proven));
    lies(false) && !lies(true)
}
