//! The generator as the one who drives it sees it: a process that is told and that answers.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::load::{Answer, Order, Room};
use crate::tally::Heard;

/// Opening thousands of sockets at a slow server.
const OPENING: Duration = Duration::from_mins(3);
const ANSWERING: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Generator {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// How many sockets are in the room.
    pub(crate) sockets: usize,
    /// How long that took, s.
    pub(crate) seconds: f64,
}

impl Generator {
    pub(crate) async fn open(room: &Room) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("load")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut orders = child.stdin.take().context("it has an input")?;
        // Not on the command line: there are tokens in it.
        let room = serde_json::to_string(room)? + "\n";
        orders.write_all(room.as_bytes()).await?;
        let answers = BufReader::new(child.stdout.take().context("it has an output")?).lines();
        let mut generator = Self {
            _child: child,
            orders,
            answers,
            sockets: 0,
            seconds: 0.0,
        };
        let Answer::Ready(sockets, seconds) = generator.answer(OPENING).await? else {
            bail!("the generator is not ready");
        };
        (generator.sockets, generator.seconds) = (sockets, seconds);
        Ok(generator)
    }

    /// Begin to count anew.
    pub(crate) async fn begin(&mut self) -> anyhow::Result<()> {
        self.tell(&Order::Begin).await?;
        self.answer(ANSWERING).await.map(drop)
    }

    /// What was heard of so many bids' events, when it was heard by all or nothing comes any more.
    pub(crate) async fn end(&mut self, bids: u32) -> anyhow::Result<Heard> {
        self.tell(&Order::End(2 * bids)).await?;
        match self.answer(ANSWERING).await? {
            Answer::Heard(heard) => Ok(heard),
            other => bail!("the generator says {other:?}"),
        }
    }

    async fn tell(&mut self, order: &Order) -> anyhow::Result<()> {
        let line = serde_json::to_string(order)? + "\n";
        Ok(self.orders.write_all(line.as_bytes()).await?)
    }

    async fn answer(&mut self, limit: Duration) -> anyhow::Result<Answer> {
        let line = tokio::time::timeout(limit, self.answers.next_line()).await;
        let line = line.context("the generator does not answer")??;
        Ok(serde_json::from_str(&line.context("the generator has ended")?)?)
    }
}
