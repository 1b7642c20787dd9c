export {
  DEVICE_NAMES,
  type Device,
  type DeviceChoice,
  type DeviceName,
  type DeviceOptions,
  type DeviceStatus,
  type NetworkOptions,
  type TrainableNetworkOptions,
} from "./device.ts";
export { listDevices } from "./list-devices.ts";
export { openDevice } from "./open-device.ts";
