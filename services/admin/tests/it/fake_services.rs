//! Fakes of auth, content and channel, which record the actions that they are asked
//! for and the authorization.

use fenz_contract::{
    auth::v1::auth_service,
    channel::v1::{
        self as channel, ChannelCatalogServiceHandler, ChannelServiceHandler, channel_catalog_service, channel_service,
    },
    content::v1::{
        self as content, VideoAdminServiceHandler, VideoCatalogServiceHandler, video_admin_service,
        video_catalog_service,
    },
    events::v1::{ChannelChanged, VideoChanged},
    jobs::v1::{self as jobs, JobQueueServiceHandler, job_queue_service},
    user::v1::{
        self as user, UserAdminServiceHandler, UserCatalogServiceHandler, user_admin_service, user_catalog_service,
    },
};
use fenz_core::{Error, Reason, Result};
use fenz_testkit::{AllowAll, Sandbox, serve_stub};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::Notify;
use tonic::{Request, Response};

#[derive(Clone, Default)]
pub struct FakeServices(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub videos: HashMap<i64, VideoChanged>,
    pub channels: HashMap<i64, ChannelChanged>,
    /// Role and whether they may sign in.
    pub users: HashMap<i64, (&'static str, bool)>,
    /// Auth's reply instead of a role.
    pub role_error: Option<Reason>,
    /// Such as `hide video 5: why`, with the authorization and the client's
    /// address.
    pub actions: Vec<(String, String, String)>,
    /// Content's jobs; a dead one that is retried is no longer there.
    pub jobs: jobs::JobQueue,
    /// The reply to moderators' actions.
    pub action_error: Option<Reason>,
    /// Blocks actions until notified.
    pub action_gate: Option<Arc<Notify>>,
}

impl FakeServices {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic before")
    }

    pub fn video(&self, video_id: i64, owner_id: i64, title: &str) {
        let title = title.to_owned();
        let video = VideoChanged { video_id, owner_id, title, is_published: true, ..VideoChanged::default() };
        self.state().videos.insert(video_id, video);
    }

    pub fn channel(&self, channel_id: i64, name: &str) {
        let name = name.to_owned();
        let channel = ChannelChanged { channel_id, owner_id: channel_id, name, ..ChannelChanged::default() };
        self.state().channels.insert(channel_id, channel);
    }

    async fn run_action<T>(&self, request: &Request<T>, action: String) -> Result<()> {
        let header = |name: &str| {
            let value = request.metadata().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let gate = {
            let mut state = self.state();
            if let Some(reason) = state.action_error {
                return Err(Error::new(reason, "refused"));
            }
            state.actions.push((action, header("authorization"), header("x-fenz-client-address")));
            state.action_gate.clone()
        };
        if let Some(gate) = gate {
            gate.notified().await;
        }
        Ok(())
    }
}

/// Serves the fakes at the addresses of auth, content and channel.
pub fn serve(sandbox: &mut Sandbox, services: &FakeServices) {
    let auth = auth_service(sandbox.auth.clone(), AllowAll);
    let users = [user_admin_service(services.clone(), AllowAll), user_catalog_service(services.clone(), AllowAll)];
    serve_stub(sandbox.take_listener("auth").expect("not running"), users.into_iter().chain([auth]));
    let channels = [channel_catalog_service(services.clone(), AllowAll), channel_service(services.clone(), AllowAll)];
    serve_stub(sandbox.take_listener("channel").expect("not running"), channels);
    let videos = [
        video_catalog_service(services.clone(), AllowAll),
        video_admin_service(services.clone(), AllowAll),
        job_queue_service(services.clone(), AllowAll),
    ];
    serve_stub(sandbox.take_listener("content").expect("not running"), videos);
}

/// A gRPC service of which admin calls only some methods.
macro_rules! fake_service {
    ($service:ident in $module:ident { $($used:tt)* } $($name:ident($request:ident) -> $response:ident,)*) => {
        impl $service for FakeServices {
            $($used)*

            $(async fn $name(
                &self,
                _: Request<$module::$request>,
            ) -> Result<Response<$module::$response>> {
                Err(Error::new(Reason::MethodNotAllowed, "admin does not call this"))
            })*
        }
    };
}

fake_service! {
    VideoCatalogServiceHandler in content {
        async fn get_catalog_video(
            &self,
            request: Request<content::GetCatalogVideoRequest>,
        ) -> Result<Response<content::GetCatalogVideoResponse>> {
            let video = self.state().videos.get(&request.into_inner().id).cloned();
            let video = video.ok_or_else(|| not_found(Reason::VideoNotFound))?;
            Ok(Response::new(content::GetCatalogVideoResponse { video: Some(video) }))
        }
    }
    list_catalog(ListCatalogRequest) -> ListCatalogResponse,
    list_watched(ListWatchedRequest) -> ListWatchedResponse,
    get_upload_use(GetUploadUseRequest) -> GetUploadUseResponse,
}

fake_service! {
    ChannelCatalogServiceHandler in channel {
        async fn get_catalog_channel(
            &self,
            request: Request<channel::GetCatalogChannelRequest>,
        ) -> Result<Response<channel::GetCatalogChannelResponse>> {
            let channel = self.state().channels.get(&request.into_inner().id).cloned();
            let channel = channel.ok_or_else(|| not_found(Reason::ChannelNotFound))?;
            Ok(Response::new(channel::GetCatalogChannelResponse { channel: Some(channel) }))
        }
    }
    list_catalog_channels(ListCatalogChannelsRequest) -> ListCatalogChannelsResponse,
    get_upload_use(GetUploadUseRequest) -> GetUploadUseResponse,
}

fake_service! {
    VideoAdminServiceHandler in content {
        async fn hide_video(
            &self,
            request: Request<content::HideVideoRequest>,
        ) -> Result<Response<content::HideVideoResponse>> {
            let content::HideVideoRequest { id, text } = request.get_ref();
            self.run_action(&request, format!("hide video {id}: {text}")).await?;
            Ok(Response::new(content::HideVideoResponse::default()))
        }
    }
    list_all_videos(ListAllVideosRequest) -> ListAllVideosResponse,
    import_videos(ImportVideosRequest) -> ImportVideosResponse,
    restore_video(RestoreVideoRequest) -> RestoreVideoResponse,
}

fake_service! {
    ChannelServiceHandler in channel {
        async fn hide_channel(
            &self,
            request: Request<channel::HideChannelRequest>,
        ) -> Result<Response<channel::HideChannelResponse>> {
            self.run_action(&request, format!("hide channel {}", request.get_ref().id)).await?;
            Ok(Response::new(channel::HideChannelResponse::default()))
        }
    }
    get_channel(GetChannelRequest) -> GetChannelResponse,
    update_channel(UpdateChannelRequest) -> UpdateChannelResponse,
    subscribe(SubscribeRequest) -> SubscribeResponse,
    unsubscribe(UnsubscribeRequest) -> UnsubscribeResponse,
    list_subscriptions(ListSubscriptionsRequest) -> ListSubscriptionsResponse,
    list_subscribers(ListSubscribersRequest) -> ListSubscribersResponse,
    get_fee(GetFeeRequest) -> GetFeeResponse,
    update_fee(UpdateFeeRequest) -> UpdateFeeResponse,
    restore_channel(RestoreChannelRequest) -> RestoreChannelResponse,
}

fake_service! {
    UserAdminServiceHandler in user {
        async fn ban_user(
            &self,
            request: Request<user::BanUserRequest>,
        ) -> Result<Response<user::BanUserResponse>> {
            let user::BanUserRequest { id, until, text } = request.get_ref();
            let until = until.map_or_else(|| "permanently".to_owned(), |until| format!("until {}", until.seconds));
            self.run_action(&request, format!("ban {id} {until}: {text}")).await?;
            Ok(Response::new(user::BanUserResponse::default()))
        }
    }
    list_users(ListUsersRequest) -> ListUsersResponse,
    get_user(GetUserRequest) -> GetUserResponse,
    create_user(CreateUserRequest) -> CreateUserResponse,
    update_user(UpdateUserRequest) -> UpdateUserResponse,
    hide_user(HideUserRequest) -> HideUserResponse,
    restore_user(RestoreUserRequest) -> RestoreUserResponse,
    unban_user(UnbanUserRequest) -> UnbanUserResponse,
    delete_user(DeleteUserRequest) -> DeleteUserResponse,
    end_user_sessions(EndUserSessionsRequest) -> EndUserSessionsResponse,
}

fake_service! {
    UserCatalogServiceHandler in user {
        async fn get_user_role(
            &self,
            request: Request<user::GetUserRoleRequest>,
        ) -> Result<Response<user::GetUserRoleResponse>> {
            let state = self.state();
            if let Some(reason) = state.role_error {
                return Err(Error::new(reason, "refused"));
            }
            let (role, is_admitted) = *state
                .users
                .get(&request.get_ref().id)
                .ok_or_else(|| not_found(Reason::UserNotFound))?;
            Ok(Response::new(user::GetUserRoleResponse { role: role.to_owned(), is_admitted }))
        }
    }
    get_upload_use(GetUploadUseRequest) -> GetUploadUseResponse,
}

impl JobQueueServiceHandler for FakeServices {
    async fn get_job_queue(&self, _: Request<jobs::GetJobQueueRequest>) -> Result<Response<jobs::GetJobQueueResponse>> {
        Ok(Response::new(jobs::GetJobQueueResponse { queue: Some(self.state().jobs.clone()) }))
    }

    async fn retry_queued_job(
        &self,
        request: Request<jobs::RetryQueuedJobRequest>,
    ) -> Result<Response<jobs::RetryQueuedJobResponse>> {
        let mut state = self.state();
        let position = state.jobs.dead.iter().position(|job| job.id == request.get_ref().id);
        let job = state.jobs.dead.remove(position.ok_or_else(|| not_found(Reason::JobNotFound))?);
        Ok(Response::new(jobs::RetryQueuedJobResponse { job: Some(jobs::Job { state: "waiting".to_owned(), ..job }) }))
    }
}

fn not_found(reason: Reason) -> Error {
    Error::new(reason, "there is no such thing")
}
