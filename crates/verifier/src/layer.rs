//! A [`Guard`] as tower layer: refuses with the right answer, or puts the [`Identity`](crate::Identity)
//! into the request's extensions. gRPC requests are answered as gRPC expects it.

use crate::grpc;
use crate::guard::Guard;
use http::{Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service};

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;
    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.clone(), inner }
    }
}

/// A service behind a [`Guard`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone is not known to be ready, the original is: swap them (tower's documented pattern).
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let guard = self.guard.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match guard.check(&parts).await {
                Ok(identity) => {
                    parts.extensions.insert(identity);
                    ready.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) if grpc::is_grpc(&parts.headers) => {
                    Ok(grpc::response(&refusal, guard.verifier().realm()))
                }
                Err(refusal) => Ok(refusal.response(guard.verifier().realm())),
            }
        })
    }
}
