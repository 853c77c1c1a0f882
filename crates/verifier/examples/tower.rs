//! A protected service on hyper and tower, without a web framework:
//! `cargo run -p countersign-verifier --example tower -- ISSUER AUDIENCE`.
//!
//! Then: `curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/`.

use bytes::Bytes;
use countersign_verifier::{Identity, Verifier};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::error::Error;
use tower::ServiceBuilder;

/// The guard in front put the identity there; a request without one does not get here.
async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut answer = Response::new(Full::default());
    match request.extensions().get::<Identity>() {
        Some(who) => *answer.body_mut() = Full::from(format!("hello {}\n", who.subject())),
        None => *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://localhost:8080".to_owned());
    let audience = arguments.next().unwrap_or_else(|| "urn:api:users".to_owned());

    let verifier = Verifier::builder(issuer).audience([audience]).allow_http_on_loopback().build()?;
    let service = ServiceBuilder::new().layer(verifier.require().scope("users:read")).service_fn(hello);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    loop {
        let (socket, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}
