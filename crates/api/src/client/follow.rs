//! A run, followed to its end through whatever breaks in between.

use super::{Client, ClientError, Result, sse, uri};
use crate::wire::Item;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use welkin_records::RunId;

/// What becomes known of a run, in order.
#[derive(Debug)]
pub struct Follow {
    client: Client,
    run: RunId,
    body: Incoming,
    reader: sse::Reader,
    /// Where to go on when the connection breaks.
    at: String,
}

impl Follow {
    pub(super) async fn begin(client: Client, run: RunId) -> Result<Self> {
        let at = String::new();
        let body = open(&client, &run, &at).await?;
        Ok(Self { client, run, body, reader: sse::Reader::default(), at })
    }

    /// Goes on with whichever broker listens now, after the connection broke.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn again(&mut self) -> Result<()> {
        self.body = open(&self.client, &self.run, &self.at).await?;
        self.reader = sse::Reader::default();
        Ok(())
    }

    /// The next thing. Dropping the future loses nothing.
    ///
    /// # Errors
    /// An error that [`ClientError::is_gone`] when the connection broke: [`Follow::again`] goes on where it was.
    pub async fn next(&mut self) -> Result<Item> {
        loop {
            if let Some(sent) = self.reader.next().map_err(ClientError::Strange)? {
                let item = serde_json::from_str(&sent.data);
                let item = item.map_err(|error| ClientError::Strange(error.to_string()))?;
                self.at = sent.id;
                return Ok(item);
            }
            let frame = self.body.frame().await.ok_or(ClientError::Ended)?.map_err(ClientError::Broken)?;
            if let Ok(bytes) = frame.into_data() {
                self.reader.push(&bytes);
            }
        }
    }
}

async fn open(client: &Client, run: &RunId, at: &str) -> Result<Incoming> {
    let request = Request::get(uri(&format!("/runs/{run}/events")))
        .header("accept", "text/event-stream")
        .header("last-event-id", at);
    Ok(client.send(request, None::<&()>).await?.into_body())
}
