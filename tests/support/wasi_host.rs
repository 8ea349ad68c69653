//! A small host of the components, as others write it: wasi:http over plain connections, and a store of wasi:config
//! that remembers which keys were read. It knows no permit, and nothing of it is in the program.
//!
//! Not here: calls of tools and what they must give. That is `configured.rs`.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::net::TcpStream;
use wasmtime::component::{Component, ComponentType, Func, Instance, Linker, Lower, ResourceTable, Val};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};
use wasmtime_wasi_io::IoView;

/// The component that the program runs, and the one that reads its account from wasi:config, compiled ahead of time by
/// the build script of the program. The second one is there in debug builds alone.
pub const ELKS_SMS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms.cwasm"));
pub const CONFIGURED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms-configured.cwasm"));

/// What a store answers for a key.
pub type Answer = Result<Option<String>, StoreError>;

/// Why a store has no answer, as wasi:config has it.
#[derive(Clone, ComponentType, Lower)]
#[component(variant)]
pub enum StoreError {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

/// What one instance owns.
pub struct State {
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Plain,
    config: Box<dyn Fn(&str) -> Answer + Send>,
    /// The variables of wasmtime's own store, for a test that links it.
    pub variables: wasmtime_wasi_config::WasiConfigVariables,
    /// The keys that were read, in order.
    pub keys: Vec<String>,
}

impl IoView for State {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// Sends each request over a connection of its own, without TLS.
struct Plain;

/// A response, and the rest of its connection's work, of which there is none.
type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Plain {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        Box::new(async move {
            let (head, body) = request.into_parts();
            let body = Full::new(body.collect().await?.to_bytes());
            let response = send(Request::from_parts(head, body)).await.map_err(Error::Connect)?;
            let response = response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
            Ok((response, Box::new(std::future::ready(Ok(()))) as Box<_>))
        })
    }
}

async fn send(request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
    let authority = request.uri().authority().expect("has one").to_string();
    #[expect(clippy::disallowed_methods, reason = "it connects to the fake 46elks, in the place of another host")]
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    Ok(Response::from_parts(head, body.collect().await.map_err(io::Error::other)?.to_bytes()))
}

/// An instance of a component in this host.
pub struct Hosted {
    pub store: Store<State>,
    instance: Instance,
}

impl Hosted {
    /// A component with a store that answers so, and with nothing else than wasi:io and wasi:http. The store has `get`
    /// alone.
    pub async fn with_store(image: &[u8], config: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        Self::linked(image, config, |linker| {
            let mut store = linker.instance("wasi:config/store@0.2.0-rc.1").unwrap();
            let get = |mut context: StoreContextMut<'_, State>, (key,): (String,)| {
                let answer = (context.data().config)(&key);
                context.data_mut().keys.push(key);
                Ok((answer,))
            };
            store.func_wrap("get", get).unwrap();
        })
        .await
    }

    /// A component with wasmtime's own store.
    pub async fn with_store_of_wasmtime(image: &[u8], variables: &[(&str, &str)]) -> Self {
        let mut hosted = Self::linked(
            image,
            |_| Ok(None),
            |linker| {
                wasmtime_wasi_config::add_to_linker(linker, |state| (&state.variables).into()).unwrap();
            },
        )
        .await;
        hosted.store.data_mut().variables = variables.iter().copied().collect();
        hosted
    }

    async fn linked(
        image: &[u8],
        config: impl Fn(&str) -> Answer + Send + 'static,
        link: impl FnOnce(&mut Linker<State>),
    ) -> Self {
        let engine = Engine::new(&elks_sandbox::engine::config()).unwrap();
        // SAFETY: the image was made by the program's own build script and is part of this test.
        #[expect(unsafe_code, reason = "an image compiled ahead of time is trusted like the program that contains it")]
        let component = unsafe { Component::deserialize(&engine, image) }.expect("is there in a debug build");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi_io::add_to_linker_async(&mut linker).unwrap();
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
        link(&mut linker);
        let state = State {
            table: ResourceTable::default(),
            http: WasiHttpCtx::default(),
            hooks: Plain,
            config: Box::new(config),
            variables: wasmtime_wasi_config::WasiConfigVariables::new(),
            keys: Vec::new(),
        };
        let mut store = Store::new(&engine, state);
        // Nobody advances the epoch: a call may compute as long as it likes.
        store.set_epoch_deadline(1);
        let instance = linker.instantiate_async(&mut store, &component).await.expect("needs nothing else");
        Self { store, instance }
    }

    /// Calls a function of an interface, or of the world itself, and gives its result.
    pub async fn call(&mut self, interface: Option<&str>, name: &str, arguments: &[Val]) -> Result<Val, Val> {
        let interface =
            interface.map(|name| self.instance.get_export_index(&mut self.store, None, name).expect("is exported"));
        let index = self.instance.get_export_index(&mut self.store, interface.as_ref(), name).expect("is exported");
        let function: Func = self.instance.get_func(&mut self.store, index).expect("is a function");
        let mut results = [Val::Bool(false)];
        function.call_async(&mut self.store, arguments, &mut results).await.expect("does not trap");
        let [Val::Result(result)] = results else { panic!("a tool gives a result") };
        match result {
            Ok(record) => Ok(*record.expect("is a record")),
            Err(error) => Err(*error.expect("is an error")),
        }
    }
}
