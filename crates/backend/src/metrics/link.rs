//! What the link to the other pods has carried, read from it when somebody asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;

use crate::link::{Carried, Link, PUBLISH_CLASSES_MS};

/// The link's figures; nothing where the pod is alone.
#[derive(Debug)]
pub(super) struct LinkFigures(pub(super) Link);

impl Collector for LinkFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(carried) = self.0.carried() else {
            return Ok(());
        };
        for (name, help, count) in [
            (
                "link_said",
                "Messages for other pods that Redis has taken",
                carried.said,
            ),
            (
                "link_unsaid",
                "Messages for other pods that were dropped: no connection, or too many waited",
                carried.unsaid,
            ),
            (
                "link_unheard",
                "Messages of other pods that this one was too slow to take",
                carried.unheard,
            ),
        ] {
            let counter = ConstCounter::new(count);
            let encoder = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(encoder)?;
        }
        publish_time(&mut encoder, &carried)
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a sum of times, and bounds below a thousand"
)]
fn publish_time(encoder: &mut DescriptorEncoder<'_>, carried: &Carried) -> fmt::Result {
    let bounds = PUBLISH_CLASSES_MS.iter().map(|ms| *ms as f64 / 1e3);
    let buckets: Vec<_> = bounds
        .chain([f64::INFINITY])
        .zip(carried.publish_classes)
        .collect();
    let count = carried.publish_classes.iter().sum();
    let help = "How long Redis took to take what was published";
    encoder
        .encode_descriptor(
            "publish_duration",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?
        .encode_histogram::<NoLabelSet>(carried.publish_us as f64 / 1e6, count, &buckets, None)
}
